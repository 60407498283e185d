// SPDX-License-Identifier: AGPL-3.0-or-later

// Package suggest corrects misspelled words, for error messages.
package suggest

// Closest returns the candidate that word is probably a misspelling of, or "". It allows
// two single-letter edits, or one in a short word.
func Closest(word string, candidates []string) string {
	best, least := "", min(3, len(word)/2+1)
	for _, candidate := range candidates {
		if d := distance(word, candidate); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// distance returns the number of single-letter edits from a to b, or 1 if a is the
// beginning of b, like DB_HOST for DB_HOSTNAME.
func distance(a, b string) int {
	if len(a) > 3 && len(a) < len(b) && b[:len(a)] == a {
		return 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
