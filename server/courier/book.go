package courier

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"saksi/crypto/pass"
)

// A Book is the list of couriers. [folder.Couriers] is it, and [Client] reaches
// that of a running server.
type Book interface {
	// Couriers returns the list as it is now.
	Couriers() (pass.List, error)
	// AddCourier returns [pass.ErrTaken] or [pass.ErrMany].
	AddCourier(pass.Card) error
	// RemoveCourier returns [pass.ErrNoCourier].
	RemoveCourier(name string) error
}

// Couriers serves the list.
func (h *Handler) Couriers(c echo.Context) error {
	list, err := h.Book.Couriers()
	if err != nil {
		return answer(c, nil, err)
	}
	return c.String(http.StatusOK, list.Text())
}

// maxCard bounds a card's line, in bytes.
const maxCard = 1 << 10

// AddCourier adds one.
func (h *Handler) AddCourier(c echo.Context) error {
	line, err := io.ReadAll(io.LimitReader(c.Request().Body, maxCard))
	if err != nil {
		return answer(c, nil, err)
	}
	card, err := pass.ParseCard(string(line))
	if err != nil {
		return c.JSON(http.StatusBadRequest, failure{err.Error()})
	}
	return answer(c, struct{}{}, h.Book.AddCourier(card))
}

// RemoveCourier removes one.
func (h *Handler) RemoveCourier(c echo.Context) error {
	return answer(c, struct{}{}, h.Book.RemoveCourier(c.Param("name")))
}

// Couriers implements [Book].
func (c *Client) Couriers() (pass.List, error) {
	resp, err := c.call(http.MethodGet, "couriers", nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, pass.MaxListSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading answer: %w", err)
	}
	return pass.ParseList(string(text))
}

// AddCourier implements [Book].
func (c *Client) AddCourier(card pass.Card) error {
	return c.callJSON(http.MethodPost, "couriers", strings.NewReader(card.Line()), new(struct{}))
}

// RemoveCourier implements [Book].
func (c *Client) RemoveCourier(name string) error {
	if err := pass.CheckName(name); err != nil {
		return err // and nothing of it gets into a path
	}
	return c.callJSON(http.MethodDelete, "couriers/"+name, nil, new(struct{}))
}
