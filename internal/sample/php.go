// SPDX-License-Identifier: AGPL-3.0-or-later

package sample

import (
	"fmt"
	"strconv"
	"unicode/utf16"
)

// appendString appends s as PHP's json_encode writes it: with all slashes and characters
// outside ASCII escaped.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\' || r == '/':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = fmt.Appendf(dst, `\u%04x`, r)
		case r < 0x80:
			dst = append(dst, byte(r))
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				dst = fmt.Appendf(dst, `\u%04x`, unit)
			}
		}
	}
	return append(dst, '"')
}

// appendMap appends a PHP array whose keys are the numbers below n that has
// accepts. PHP writes it as a JSON list when the keys are 0, 1, 2 and so on
// without a gap, which includes the empty array, and as an object otherwise.
func appendMap(dst []byte, n int, has func(key int) bool, value func(dst []byte, key int) []byte) []byte {
	brackets := "{}"
	list := isList(n, has)
	if list {
		brackets = "[]"
	}
	dst = append(dst, brackets[0])
	for key, first := 0, true; key < n; key++ {
		if !has(key) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if !list {
			dst = append(dst, '"')
			dst = strconv.AppendInt(dst, int64(key), 10)
			dst = append(dst, '"', ':')
		}
		dst = value(dst, key)
	}
	return append(dst, brackets[1])
}

func isList(n int, has func(key int) bool) bool {
	for key := 1; key < n; key++ {
		if has(key) && !has(key-1) {
			return false
		}
	}
	return true
}

// appendRounded appends hundredths as PHP prints a rounded number: 2.82, 2.8, 3.
func appendRounded(dst []byte, hundredths int) []byte {
	return strconv.AppendFloat(dst, float64(hundredths)/100, 'f', -1, 64)
}

// appendFixed appends hundredths as number_format of PHP does: a string with
// two decimals.
func appendFixed(dst []byte, hundredths int) []byte {
	return fmt.Appendf(dst, `"%d.%02d"`, hundredths/100, hundredths%100)
}

// roundedMean returns sum/n, rounded half up.
func roundedMean(sum, n int) int {
	return (2*sum + n) / (2 * n)
}
