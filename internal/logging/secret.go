// SPDX-License-Identifier: AGPL-3.0-or-later

package logging

import "strings"

// hidden takes the place of secrets.
const hidden = "(hidden)"

// secretWords are the keys of hidden attributes, also as the last words of a longer
// key, in the form that [normalize] returns.
var secretWords = []string{"token", "password", "api_key", "apikey", "secret", "secret_key", "authorization"}

// isSecret decides by the key alone.
func isSecret(key string) bool {
	key = normalize(key)
	for _, word := range secretWords {
		if before, ok := strings.CutSuffix(key, word); ok && (before == "" || strings.HasSuffix(before, "_")) {
			return true
		}
	}
	return false
}

func normalize(key string) string {
	return strings.ReplaceAll(strings.ToLower(key), "-", "_")
}
