// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
)

// drawing is an SVG as a reader has it: elements with where they are.
type drawing struct {
	width, height float64
	class         string
	elements      []element
}

// element is one of an SVG. Its box is where it is, texts as wide as they can be.
type element struct {
	name string
	attr map[string]string
	text string
	box
	clip bool // by something around it
	rows []string
}

func number(t testing.TB, text string) float64 {
	t.Helper()
	if text == "" {
		return 0
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// drawings reads the SVG elements in a text.
func drawings(t testing.TB, text string) (all []drawing) {
	t.Helper()
	type frame struct {
		element
		at point
	}
	decoder := xml.NewDecoder(strings.NewReader(text))
	var stack []frame
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("%v in %.300s", err, text)
		}
		switch e := token.(type) {
		case xml.StartElement:
			f := frame{element: element{name: e.Name.Local, attr: map[string]string{}}}
			for _, a := range e.Attr {
				f.attr[a.Name.Local] = a.Value
			}
			if len(stack) > 0 {
				f.at, f.clip = stack[len(stack)-1].at, stack[len(stack)-1].clip || f.attr["clip-path"] != ""
			}
			if move := f.attr["transform"]; move != "" {
				var x, y float64
				if _, err := fmt.Sscanf(move, "translate(%g %g)", &x, &y); err != nil {
					t.Fatalf("%s: %v", move, err)
				}
				f.at = point{f.at[0] + x, f.at[1] + y}
			}
			if f.name == "svg" {
				view := strings.Fields(f.attr["viewBox"])
				all = append(all, drawing{width: number(t, view[2]), height: number(t, view[3]), class: f.attr["class"]})
			}
			stack = append(stack, f)
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text += string(e)
			}
		case xml.EndElement:
			f := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			for _, outside := range stack {
				if row := outside.attr["data-row"]; row != "" {
					f.rows = append(f.rows, row+"/"+outside.attr["data-col"])
				}
			}
			f.place(t, f.at)
			all[len(all)-1].elements = append(all[len(all)-1].elements, f.element)
		}
	}
}

// place finds the box of an element.
func (e *element) place(t testing.TB, at point) {
	attr := func(name string) float64 { return number(t, e.attr[name]) }
	switch e.name {
	case "rect":
		e.box = box{attr("x"), attr("y"), attr("width"), attr("height")}
	case "circle":
		e.box = box{attr("cx") - attr("r"), attr("cy") - attr("r"), 2 * attr("r"), 2 * attr("r")}
	case "text":
		f := font{size: 13, bold: e.attr["font-weight"] != ""}
		if e.attr["font-size"] != "" {
			f.size = attr("font-size")
		}
		e.box = box{attr("x"), attr("y") - 0.75*f.size, f.width(e.text), 0.95 * f.size}
		e.x -= map[string]float64{"middle": 0.5, "end": 1}[e.attr["text-anchor"]] * e.w
	case "path":
		points := pathPoints(t, e.attr["d"])
		low, high := points[0], points[0]
		for _, p := range points {
			low, high = point{min(low[0], p[0]), min(low[1], p[1])}, point{max(high[0], p[0]), max(high[1], p[1])}
		}
		e.box = box{low[0], low[1], high[0] - low[0], high[1] - low[1]}
	}
	e.x, e.y = e.x+at[0], e.y+at[1]
}

// pathPoints are the points of a path, as steps add up to them.
func pathPoints(t testing.TB, d string) (points []point) {
	t.Helper()
	var numbers []float64
	var x, y float64
	text := ""
	flush := func() {
		if text != "" {
			numbers = append(numbers, number(t, text))
		}
		text = ""
		if len(numbers) == 2 {
			x, y = x+numbers[0], y+numbers[1]
			points, numbers = append(points, point{x, y}), nil
		}
	}
	for _, c := range d {
		switch {
		case c == 'M':
			flush()
			x, y = 0, 0
		case c == 'l' || c == 'z' || c == ' ':
			flush()
		case c == '-' || c == '.' && strings.Contains(text, "."):
			flush()
			text = string(c)
		default:
			text += string(c)
		}
	}
	flush()
	return points
}

func inline(c Chart) string {
	return Inline{ID: "chart", Title: "Top 5 threats", Description: "What it says", Format: plainFormat}.SVG(c)
}

func (d drawing) named(name string) (found []element) {
	for _, e := range d.elements {
		if e.name == name {
			found = append(found, e)
		}
	}
	return found
}

// filled are the boxes of the shapes that have a colour.
func (d drawing) filled(i ink) (found []box) {
	for _, e := range d.elements {
		if e.attr["fill"] == "var(--"+string(i)+")" && e.name != "text" {
			found = append(found, e.box)
		}
	}
	return found
}
