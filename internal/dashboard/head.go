// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"slices"
	"strings"
)

// Canonical is the address of the page for search engines and previews, or
// empty when it is not known how others reach the service. A language that was
// asked for is part of it.
func (p *page) Canonical() string {
	if p.pages.opts.InstanceURL == "" || p.Problem != nil {
		return ""
	}
	return p.inLanguage(p.View.Lang)
}

func (p *page) inLanguage(code string) string {
	address := p.pages.opts.InstanceURL + p.path
	if code == "" {
		return address
	}
	return address + "?" + paramLang + "=" + code
}

// Alternates are the same page in each language, and where the browser decides.
func (p *page) Alternates() []link {
	links := []link{{Href: p.inLanguage(""), Code: "x-default"}}
	for _, l := range pageLanguages {
		links = append(links, link{Href: p.inLanguage(l.Code), Code: l.Code})
	}
	return links
}

// Permalink is an address that goes on showing what this page shows now: with
// dates in place of a number of days, and in this language.
func (p *page) Permalink() string {
	v := p.View
	v.Days, v.Lang = 0, p.Code
	if p.pages.opts.InstanceURL == "" {
		return p.address(v)
	}
	return p.pages.opts.InstanceURL + p.path + "?" + v.query().Encode()
}

// Preview is the address of the picture for previews.
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

// LicencesPage is where the licences are listed, or the first of them where that
// page is turned off.
func (p *page) LicencesPage() string {
	for _, kind := range p.pages.active() {
		if kind.name == pageAbout {
			return p.prefix + kind.path + "?" + p.View.common().Encode() + "#licences"
		}
	}
	return p.Static("LICENSE-world-atlas")
}

// Advice says why nothing is shown, or empty when there is no chart without
// figures.
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
