// SPDX-License-Identifier: AGPL-3.0-or-later

package sample

import "strconv"

var levelNames = [...]string{"Low risks", "Medium risks", "High risks"}

// thresholds has, by kind, the highest low risk and the highest medium risk.
var thresholds = [kinds][2]int{{9, 27}, {4, 8}}

// risks returns the data of the risk stats.
func (s *snapshot) risks() []byte {
	out := append([]byte{}, `{"total":`...)
	out = appendByState(out, func(dst []byte, state, kind int) []byte {
		total := 0
		for _, n := range s.byLevel(state, kind) {
			total += n
		}
		return strconv.AppendInt(dst, int64(total), 10)
	})
	out = append(out, `,"risks":`...)
	out = appendByState(out, func(dst []byte, state, kind int) []byte {
		return appendLevels(dst, s.byLevel(state, kind))
	})
	return append(out, '}')
}

func (s *snapshot) byLevel(state, kind int) (counts [len(levelNames)]int) {
	for impact, row := range s.cells[state][kind] {
		for likelihood, n := range row {
			counts[levelOf(kind, impact*likelihood)] += n
		}
	}
	return counts
}

func levelOf(kind, risk int) int {
	for level, highest := range thresholds[kind] {
		if risk <= highest {
			return level
		}
	}
	return len(levelNames) - 1
}

func appendLevels(dst []byte, counts [len(levelNames)]int) []byte {
	dst = append(dst, '[')
	for level, n := range counts {
		if level > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"level":"`...)
		dst = append(dst, levelNames[level]...)
		dst = append(dst, `","value":`...)
		dst = strconv.AppendInt(dst, int64(n), 10)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendByState appends {state: {kind: value}}.
func appendByState(dst []byte, value func(dst []byte, state, kind int) []byte) []byte {
	for state, name := range stateNames {
		dst = appendName(dst, state, name)
		for kind, name := range kindNames {
			dst = appendName(dst, kind, name)
			dst = value(dst, state, kind)
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// appendName appends the name of a member, after a comma unless it is the first.
func appendName(dst []byte, index int, name string) []byte {
	separator := byte(',')
	if index == 0 {
		separator = '{'
	}
	dst = append(dst, separator, '"')
	dst = append(dst, name...)
	return append(dst, '"', ':')
}
