// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"slices"
	"strings"
)

// Canonical returns the address of the page for search engines and previews, or "" if
// the public address of the service is unknown. It includes a requested language.
func (p *page) Canonical() string {
	if p.pages.opts.InstanceURL == "" || p.Problem != nil {
		return ""
	}
	return p.inLanguage(p.View.Lang)
}

func (p *page) inLanguage(code string) string {
	address := p.pages.opts.InstanceURL + p.kind.path
	if code == "" {
		return address
	}
	return address + "?" + paramLang + "=" + code
}

// Alternates links to the same page in each language, and to the one where the
// browser's language decides.
func (p *page) Alternates() []link {
	links := []link{{Href: p.inLanguage(""), Code: "x-default"}}
	for _, l := range pageLanguages {
		links = append(links, link{Href: p.inLanguage(l.Code), Code: l.Code})
	}
	return links
}

// Permalink returns an address that keeps showing what this page shows now: with dates
// instead of a number of days, and in this language.
func (p *page) Permalink() string {
	v := p.View
	v.Days, v.Lang = 0, p.Code
	if p.pages.opts.InstanceURL == "" {
		return p.address(v)
	}
	return p.pages.opts.InstanceURL + p.kind.path + "?" + v.query().Encode()
}

// Preview returns the address of the image for previews.
func (p *page) Preview() string {
	return p.pages.opts.InstanceURL + p.pages.assets.root() + "/preview.png"
}

// Licences links to the licences of third-party parts.
func (p *page) Licences() []link {
	var links []link
	for name := range p.pages.assets.byName {
		kind, of, found := strings.Cut(name, "-")
		if found && (kind == "LICENSE" || kind == "NOTICE") {
			links = append(links, link{Href: p.Static(name), Text: of + " (" + strings.ToLower(kind) + ")"})
		}
	}
	slices.SortFunc(links, func(a, b link) int { return strings.Compare(a.Text+a.Href, b.Text+b.Href) })
	return links
}

// LicencesPage returns the page that lists the licences, or the first licence if that
// page is turned off.
func (p *page) LicencesPage() string {
	for _, kind := range p.pages.active() {
		if kind.name == pageAbout {
			return p.prefix + kind.path + "?" + p.View.common().Encode() + "#licences"
		}
	}
	return p.Static("LICENSE-world-atlas")
}

// Advice says why nothing is shown, or returns "" if every chart has figures.
func (p *page) Advice() string {
	if !p.HasFigures() || len(p.Figures) > 0 && !slices.ContainsFunc(p.Figures, figure.Empty) {
		return ""
	}
	causes := []string{p.T("advice_period")}
	if p.View.Local {
		causes = append(causes, p.T("advice_local"))
	}
	if len(p.View.Objects) > 0 {
		causes = append(causes, p.T("advice_objects"))
	}
	return strings.Join(causes, " ")
}
