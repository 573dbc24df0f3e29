package courier

import (
	"crypto/sha256"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"saksi/crypto/pass"
)

// A Caller is a courier whose request is his.
type Caller struct {
	card  pass.Card
	stamp pass.Stamp
}

// Signed lets only couriers reach a handler. Whoever is none is told nothing, not
// even whether there is such a courier, or such a path.
func (r *Remote) Signed(next func(echo.Context, Caller) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		onion := r.Onion()
		list, err := r.list()
		if err != nil {
			r.Log.Error("couriers cannot be told from others", "error", err.Error())
		}
		if err != nil || onion == "" {
			return c.JSON(http.StatusServiceUnavailable, failure{"the server is not ready for couriers: try again later"})
		}
		who, ok := r.identify(c.Request(), list, onion)
		if !ok {
			return unauthorized(c)
		}
		now := r.Now()
		if off := time.Unix(who.stamp.Time, 0).Sub(now).Abs(); off > pass.Window {
			c.Response().Header().Set(pass.HeaderTime, strconv.FormatInt(now.Unix(), 10))
			return c.JSON(http.StatusBadRequest, failure{"the clock of this request is more than ten minutes off"})
		}
		if !r.nonces.take(who.card.Sign, who.stamp, now.Add(-pass.Window).Unix()) {
			return c.JSON(http.StatusConflict, failure{"this request came before"})
		}
		if c.Request().Method == http.MethodGet && (c.Request().ContentLength != 0 || who.stamp.Body != sha256.Sum256(nil)) {
			return c.JSON(http.StatusBadRequest, failure{"this request has no body"})
		}
		return next(c, who)
	}
}

// Known refuses methods that no path has: for OPTIONS the router would say to
// anybody which ones a path has.
func (r *Remote) Known(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if m := c.Request().Method; m != http.MethodGet && m != http.MethodPost {
			return unauthorized(c)
		}
		return next(c)
	}
}

func (r *Remote) list() (pass.List, error) {
	if r.Book == nil {
		return nil, nil
	}
	return r.Book.Couriers()
}

// identify finds out whose request it is, if it is a courier's of the list.
func (r *Remote) identify(q *http.Request, list pass.List, onion string) (Caller, bool) {
	for _, name := range []string{
		pass.HeaderCourier, pass.HeaderTime, pass.HeaderNonce, pass.HeaderBody, pass.HeaderSignature, "Range", "If-Range",
	} {
		if len(q.Header.Values(name)) > 1 {
			return Caller{}, false // which one would be signed?
		}
	}
	stamp, signature, err := pass.ParseStamp(q.Header.Get)
	if err != nil {
		return Caller{}, false
	}
	card, known := list.Find(stamp.Courier)
	if !known {
		card = r.decoy
		card.Name = stamp.Courier
	}
	request := pass.Request{
		Stamp: stamp, Method: q.Method, Host: onion, URI: q.RequestURI,
		Range: q.Header.Get("Range"), IfRange: q.Header.Get("If-Range"),
	}
	right := card.Verify(request, signature)
	return Caller{card, stamp}, right && known
}

// stillIn reports whether a courier is on the list as it is now, with the same keys.
func (r *Remote) stillIn(who Caller) bool {
	list, err := r.list()
	card, found := list.Find(who.card.Name)
	return err == nil && found && card == who.card
}

// unauthorized is the one answer to whoever is no courier.
func unauthorized(c echo.Context) error {
	return c.JSON(http.StatusUnauthorized, failure{"this pass is not valid here"})
}

// Fail answers what no route does, and what a handler could not.
func (r *Remote) Fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	if _, ours := err.(*echo.HTTPError); ours { // no such path or method
		c.Response().Header().Del("Allow")
		_ = unauthorized(c)
		return
	}
	r.Log.Error("a courier's request failed", "error", err.Error())
	_ = c.JSON(http.StatusInternalServerError, failure{"the server failed: tell its operator to look into the log"})
}
