package server

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"

	"github.com/labstack/echo/v4"
)

// policy says what a page may load and do. Ours has no script but the one that is
// served from here, which calls nobody else and makes no markup from text; for
// pictures that a reporter is about to send it makes addresses of its own.
func policy(script bool) string {
	fixed := "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
	if !script {
		return fixed + "img-src data:"
	}
	return fixed + "img-src data: blob:; script-src 'self'; connect-src 'self'; " +
		"require-trusted-types-for 'script'; trusted-types 'none'"
}

// headers are on every answer to a reporter.
func headers(script bool) map[string]string {
	return map[string]string{
		"Content-Security-Policy":           policy(script),
		"Cache-Control":                     "no-store",
		"Referrer-Policy":                   "no-referrer",
		"X-Content-Type-Options":            "nosniff",
		"X-Frame-Options":                   "DENY",
		"X-Robots-Tag":                      "noindex, nofollow, noarchive",
		"X-Permitted-Cross-Domain-Policies": "none",
		"X-DNS-Prefetch-Control":            "off",
		"Permissions-Policy": "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), clipboard-read=(), " +
			"display-capture=(), encrypted-media=(), fullscreen=(), gamepad=(), geolocation=(), gyroscope=(), hid=(), " +
			"idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), " +
			"picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), storage-access=(), " +
			"usb=(), web-share=(), xr-spatial-tracking=()",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Embedder-Policy": "require-corp",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Origin-Agent-Cluster":         "?1",
	}
}

// strictHeaders sets them, and takes away the date, which net/http would add:
// a clock that is off tells one server from another.
func strictHeaders(script bool) echo.MiddlewareFunc {
	fixed := headers(script)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			h := c.Response().Header()
			for name, value := range fixed {
				h.Set(name, value)
			}
			h["Date"] = nil
			return next(c)
		}
	}
}

var errPanic = errors.New("a handler panicked")

// recoverPanic turns a panic into an error page. The panic's value may hold
// what a reporter sent, so only the functions on the stack are logged.
func (s *Server) recoverPanic(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			value := recover()
			if value == http.ErrAbortHandler {
				panic(value) // asks net/http to break the connection off
			}
			if value != nil {
				err = fmt.Errorf("%w at %s", errPanic, stack())
			}
		}()
		return next(c)
	}
}

// stack names the functions of this project that a panic went through.
func stack() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var names []string
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, "saksi/") {
			names = append(names, fmt.Sprintf("%s:%d", frame.Function, frame.Line))
		}
		if !more {
			return strings.Join(names, " < ")
		}
	}
}
