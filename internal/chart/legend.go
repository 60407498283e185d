// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

// key is an entry of a legend.
type key struct {
	name   string
	series int // of the line that it names, from 1; 0: none
	sample func(c *canvas, at box)
}

const (
	keyRow   = 26.0 // high enough for fingers
	keyWidth = 30.0 // of a sample
)

// keys draws a legend below the top of an area and returns its height.
func (c *canvas) keys(area box, keys []key) float64 {
	x, y := area.x, area.y
	for _, k := range keys {
		wanted := keyWidth + 6 + nameFont.width(k.name)
		if x > area.x && x+wanted > area.right() {
			x, y = area.x, y+keyRow
		}
		taken := min(wanted, area.right()-x)
		c.key(k, box{x, y, taken, keyRow})
		x += taken + 18
	}
	return y + keyRow - area.y
}

// key draws one entry, which scripts can turn into a switch for its line.
func (c *canvas) key(k key, at box) {
	p := place{series: k.series}
	if k.series > 0 {
		p.class, p.hit = "key", at
	}
	c.group(p, func() {
		indent := 0.0
		if k.sample != nil {
			k.sample(c, box{at.x, at.y + 3, keyWidth, at.h - 6})
			indent = keyWidth + 6
		}
		c.write(nameFont, k.name, point{at.x + indent, at.y + at.h/2 + 4.5}, left, at.w-indent)
	})
}
