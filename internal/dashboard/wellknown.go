// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/buildinfo"
	"github.com/monarc-project/stats-service/internal/prefix"
)

// registerWellKnown adds the files that robots, scanners and browsers look for.
func (p *Pages) registerWellKnown(e *echo.Echo) {
	g := registrar{e}
	g.add("/robots.txt", p.robots)
	g.add("/favicon.ico", p.favicon)
	for _, path := range []string{"/humans.txt", "/human.txt"} {
		g.add(path, p.humansTxt)
	}
	if p.opts.AdminEmail != "" || p.opts.AdminURL != "" {
		g.add("/.well-known/security.txt", p.securityTxt)
	}
}

// cacheDay lets any cache keep files that seldom change.
const cacheDay answer.CacheControl = "public, max-age=86400"

// robots lets search engines read the pages, not the exports and the API.
func (p *Pages) robots(c echo.Context) error {
	base := prefix.Of(c.Request().Context())
	var text strings.Builder
	text.WriteString("User-agent: *\n")
	for _, path := range []string{p.opts.APIRoot + "/", "/stats/*.csv", "/stats/*.json", "/stats/*.png", "/stats/*.svg", "/*embed=1"} {
		fmt.Fprintf(&text, "Disallow: %s%s\n", base, path)
	}
	c.Response().Header().Set("Cache-Control", string(cacheDay))
	return c.String(http.StatusOK, text.String())
}

func (p *Pages) favicon(c echo.Context) error {
	return send(c, p.assets.byName["favicon.ico"], cacheDay)
}

// humansTxt names the makers and the operator of the service.
func (p *Pages) humansTxt(c echo.Context) error {
	var text strings.Builder
	text.WriteString("/* TEAM */\nMONARC Stats Service: https://github.com/monarc-project/stats-service\n")
	for _, contact := range []string{p.opts.AdminEmail, p.opts.AdminURL} {
		if contact != "" {
			fmt.Fprintf(&text, "Contact: %s\n", contact)
		}
	}
	fmt.Fprintf(&text, "\n/* SITE */\nLanguage: %s\nVersion: %s\n", strings.Join(languageCodes(), ", "), buildinfo.String())
	return c.String(http.StatusOK, text.String())
}

// securityLifetime is how far ahead security.txt expires. RFC 9116 recommends
// less than a year.
const securityLifetime = 180 * day

// securityTxt says where to report a vulnerability of this service (RFC 9116).
func (p *Pages) securityTxt(c echo.Context) error {
	var text strings.Builder
	if p.opts.AdminEmail != "" {
		fmt.Fprintf(&text, "Contact: mailto:%s\n", p.opts.AdminEmail)
	}
	// RFC 9116 wants HTTPS, but another address is better than no contact.
	if overHTTPS(p.opts.AdminURL) || p.opts.AdminEmail == "" {
		fmt.Fprintf(&text, "Contact: %s\n", p.opts.AdminURL)
	}
	// Whole days, so that the file does not change with every request.
	expires := p.opts.Now().UTC().Truncate(day).Add(securityLifetime)
	fmt.Fprintf(&text, "Expires: %s\n", expires.Format(time.RFC3339))
	fmt.Fprintf(&text, "Preferred-Languages: %s\n", strings.Join(languageCodes(), ", "))
	if overHTTPS(p.opts.InstanceURL) {
		fmt.Fprintf(&text, "Canonical: %s/.well-known/security.txt\n", p.opts.InstanceURL)
	}
	return c.String(http.StatusOK, text.String())
}

// overHTTPS reports whether RFC 9116 allows an address in security.txt.
func overHTTPS(address string) bool { return strings.HasPrefix(address, "https://") }
