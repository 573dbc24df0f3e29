package web

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"saksi/web/regions"
	"saksi/web/taxonomy"
)

// number writes 24000 as "24.000" in Indonesian and "24,000" in English.
func (c *catalog) number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := strings.HasPrefix(digits, "-")
	digits = strings.TrimPrefix(digits, "-")
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + c.texts["format.thousands"] + digits[i:]
	}
	if sign {
		return "-" + digits
	}
	return digits
}

// size writes a limit in whole mebibytes, or in whole kibibytes below one. They
// are called MB and KB as on a phone, whose own MB are smaller: a file that
// looks small enough there is small enough here.
func (c *catalog) size(bytes int64) (string, error) {
	if bytes < 1<<20 {
		return c.text("format.kilobytes", "n", bytes>>10)
	}
	return c.text("format.megabytes", "n", bytes>>20)
}

// week writes an ISO week such as "2026-W47" by the date of its Monday. What is
// not an ISO week is returned as it came.
func (c *catalog) week(iso string) (string, error) {
	monday, ok := mondayOf(iso)
	if !ok {
		return iso, nil
	}
	month := taxonomy.Month12(int(monday.Month()), string(c.lang))
	return c.text("format.week", "day", monday.Day(), "month", month,
		"year", strconv.Itoa(monday.Year()))
}

// mondayOf returns the first day of an ISO week.
func mondayOf(iso string) (time.Time, bool) {
	var year, week int
	if _, err := fmt.Sscanf(iso, "%4d-W%2d", &year, &week); err != nil {
		return time.Time{}, false
	}
	// The fourth of January is always in week 1.
	fourth := time.Date(year, time.January, 4, 0, 0, 0, 0, time.UTC)
	sinceMonday := (int(fourth.Weekday()) + 6) % 7
	monday := fourth.AddDate(0, 0, 7*(week-1)-sinceMonday)
	y, w := monday.ISOWeek()
	return monday, y == year && w == week && fmt.Sprintf("%04d-W%02d", y, w) == iso
}

// region names a Kemendagri code as both languages write it; "-" is the whole
// country. A code that nobody knows stands for itself.
func (c *catalog) region(code string) string {
	if code == "-" {
		return c.texts["region.national"]
	}
	if name, ok := regions.Name(code); ok {
		return name
	}
	return code
}

// status names the status of a reply. A status that this server does not know
// must not keep a reporter from the other replies, so it has a name too.
func (c *catalog) status(key string) (string, error) {
	if text, ok := c.texts["status."+key]; ok {
		return text, nil
	}
	return c.text("status.other")
}

// item names one thing the reporter sent: number 0 is the testimony.
func (c *catalog) item(n int) (string, error) {
	if n == 0 {
		return c.text("item.first")
	}
	return c.text("item.later", "n", n)
}

// told names what was taken off a file, as one list.
func (c *catalog) told(whats []string) (string, error) {
	var names []string
	for _, what := range whats {
		name, err := c.text("reveals." + what)
		if err != nil {
			return "", err
		}
		names = append(names, name)
	}
	return strings.Join(names, ", "), nil
}
