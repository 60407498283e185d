// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// svgWriter writes a scene as SVG. Nothing in it needs a style attribute, which the
// Content-Security-Policy of the pages forbids.
type svgWriter struct {
	b      *strings.Builder
	id     string  // of the element, unique in the page
	inPage bool    // with what scripts need, and the colours of the page
	theme  palette // of a file
	site   string  // of a file: what goes before the paths of links; empty: they are left out
	clips  int
}

const fontFamily = `Arial, "Liberation Sans", Helvetica, sans-serif`

func (w *svgWriter) open(width, height float64, attributes, title, description string) {
	w.put(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s"%s id="%s" aria-labelledby="%[4]s-t" aria-describedby="%[4]s-d" font-size="13" fill="%s">`,
		digits(width), digits(height), attributes, escaped(w.id), w.color(foreground))
	w.put(`<title id="%s-t">%s</title><desc id="%[1]s-d">%[3]s</desc>`, escaped(w.id), escaped(plain(title)), escaped(plain(description)))
}

func (w *svgWriter) close(items []item) {
	w.all(items)
	w.put("</svg>")
}

func (w *svgWriter) all(items []item) {
	for _, i := range items {
		i.svg(w)
	}
}

func (w *svgWriter) put(format string, values ...any) { fmt.Fprintf(w.b, format, values...) }

// color returns the value of a colour attribute.
func (w *svgWriter) color(i ink) string {
	switch {
	case i == none:
		return "none"
	case w.inPage:
		return "var(--" + string(i) + ")"
	}
	return hexOf(w.theme[i])
}

func (s shape) svg(w *svgWriter) {
	switch {
	case s.radius > 0:
		w.put(`<circle cx="%s" cy="%s" r="%s"`, digits(s.at[0]), digits(s.at[1]), digits(s.radius))
	case s.lines != nil:
		w.put(`<path d="%s"`, s.path())
	default:
		w.put(`<rect x="%s" y="%s" width="%s" height="%s"`, digits(s.rect.x), digits(s.rect.y), digits(s.rect.w), digits(s.rect.h))
	}
	w.style(s.style)
	w.put("/>")
}

func (w *svgWriter) style(l style) {
	if l.fill != foreground {
		w.put(` fill="%s"`, w.color(l.fill))
	}
	if l.opacity > 0 {
		w.put(` opacity="%s"`, strconv.FormatFloat(l.opacity, 'g', 2, 64))
	}
	if l.stroke == none {
		return
	}
	w.put(` stroke="%s" stroke-width="%s" stroke-linejoin="round"`, w.color(l.stroke), digits(l.width))
	if len(l.dash) > 0 {
		dashes := make([]string, len(l.dash))
		for i, length := range l.dash {
			dashes[i] = digits(length)
		}
		w.put(` stroke-dasharray="%s"`, strings.Join(dashes, " "))
	}
}

// path writes lines in steps of tenths of units, which add up to no error.
func (s shape) path() string {
	var d []byte
	tenths := func(f float64) int { return int(math.Round(f * 10)) }
	step := func(n int) {
		if last := len(d) - 1; n >= 0 && d[last] >= '0' && d[last] <= '9' {
			d = append(d, ' ')
		} else if n < 0 {
			d, n = append(d, '-'), -n
		}
		if n >= 10 || n == 0 {
			d = strconv.AppendInt(d, int64(n/10), 10)
		}
		if n%10 != 0 {
			d = append(d, '.', byte('0'+n%10))
		}
	}
	for _, line := range s.lines {
		var x, y int
		for i, at := range line {
			toX, toY := tenths(at[0]), tenths(at[1])
			switch {
			case i == 0:
				d, x, y = append(d, 'M'), 0, 0
			case i == 1:
				d = append(d, 'l')
			case toX == x && toY == y:
				continue
			}
			step(toX - x)
			step(toY - y)
			x, y = toX, toY
		}
		if s.closed {
			d = append(d, 'z')
		}
	}
	return string(d)
}

func (l label) svg(w *svgWriter) {
	w.put(`<text x="%s" y="%s"`, digits(l.at[0]), digits(l.at[1]))
	if l.size != 13 {
		w.put(` font-size="%s"`, digits(l.size))
	}
	if l.bold {
		w.put(` font-weight="700"`)
	}
	if l.ink != foreground {
		w.put(` fill="%s"`, w.color(l.ink))
	}
	switch l.anchor {
	case middle:
		w.put(` text-anchor="middle"`)
	case right:
		w.put(` text-anchor="end"`)
	}
	if l.halo {
		w.put(` stroke="%s" stroke-width="3" stroke-linejoin="round" paint-order="stroke"`, w.color(card))
	}
	w.put(`>%s</text>`, escaped(l.text))
}

func (g group) svg(w *svgWriter) {
	element, href := "g", w.link(g.href)
	if href != "" {
		element = "a"
	}
	w.put("<%s", element)
	switch {
	case strings.HasPrefix(href, "/"):
		w.put(` href="%s"`, escaped(href))
	case href != "":
		w.put(` href="%s" rel="noopener external"`, escaped(href))
	}
	if g.at != (point{}) {
		w.put(` transform="translate(%s %s)"`, digits(g.at[0]), digits(g.at[1]))
	}
	if w.inPage {
		w.data(g.place)
	}
	if g.clip != (box{}) {
		w.put(` clip-path="url(#%s-c%d)"><clipPath id="%[1]s-c%d"`, escaped(w.id), w.clips)
		w.clips++
		w.put(`><rect x="%s" y="%s" width="%s" height="%s"/></clipPath`, digits(g.clip.x), digits(g.clip.y), digits(g.clip.w), digits(g.clip.h))
	}
	w.put(">")
	if g.hit.w > 0 && w.inPage {
		w.put(`<rect x="%s" y="%s" width="%s" height="%s" fill-opacity="0"/>`, digits(g.hit.x), digits(g.hit.y), digits(g.hit.w), digits(g.hit.h))
	}
	w.all(g.items)
	w.put("</%s>", element)
}

// link is an address as it can be followed from here: files are elsewhere.
func (w *svgWriter) link(href string) string {
	if w.inPage || !strings.HasPrefix(href, "/") {
		return href
	}
	if w.site == "" {
		return ""
	}
	return w.site + href
}

// data returns the attributes of a group for scripts and the stylesheet.
func (w *svgWriter) data(p place) {
	if p.class != "" {
		w.put(` class="%s"`, p.class)
	}
	for _, of := range []struct {
		name  string
		value int
	}{{"row", p.row}, {"col", p.col}, {"series", p.series}} {
		if of.value > 0 {
			w.put(` data-%s="%d"`, of.name, of.value)
		}
	}
	if len(p.steps) > 0 {
		at := make([]string, len(p.steps))
		for i, x := range p.steps {
			at[i] = digits(x)
		}
		w.put(` data-steps="%s"`, strings.Join(at, " "))
	}
	if p.href != "" && p.series > 0 {
		w.put(` aria-label="%s" tabindex="-1"`, escaped(p.name)) // the table has the same link
	}
}

var escapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;")

func escaped(text string) string { return escapes.Replace(text) }

// digits writes a length in tenths.
func digits(f float64) string { return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64) }
