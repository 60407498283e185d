// SPDX-License-Identifier: AGPL-3.0-or-later

package sample

import "strconv"

// scales lists the values of each scale. Likelihoods are the products of a
// rate and a level, so not every number below the highest occurs.
const scales = `{"impact":[0,1,2,3,4],` +
	`"likelihood":[0,1,2,3,4,5,6,8,9,10,12,15,16,20],` +
	`"probability":[0,1,2,3,4]}`

// cartography returns the data of the cartography stats. Cells without risks
// are left out.
func (s *snapshot) cartography() []byte {
	out := append([]byte{}, `{"scales":`+scales+`,"risks":`...)
	out = appendByState(out, func(dst []byte, state, kind int) []byte {
		return s.cells[state][kind].append(dst)
	})
	return append(out, '}')
}

func (c *cells) append(dst []byte) []byte {
	return appendMap(dst, len(c), c.hasRow, func(dst []byte, impact int) []byte {
		row := &c[impact]
		has := func(likelihood int) bool { return row[likelihood] > 0 }
		return appendMap(dst, len(row), has, func(dst []byte, likelihood int) []byte {
			return strconv.AppendInt(dst, int64(row[likelihood]), 10)
		})
	})
}

func (c *cells) hasRow(impact int) bool {
	return c[impact] != [maxLikelihood + 1]int{}
}
