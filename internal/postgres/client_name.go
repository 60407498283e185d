// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"fmt"

	"golang.org/x/text/unicode/norm"
)

// spelling returns a name in the form to store: composed (NFC), because names that
// differ only in Unicode composition look the same. If a client is stored under the
// same name in another composition, as databases of earlier releases may have it,
// spelling returns that, so that the two conflict.
func (s *shared) spelling(ctx context.Context, name string) (string, error) {
	composed := norm.NFC.String(name)
	if isASCII(composed) {
		return composed, nil
	}
	rows, err := s.queries.ListClients(ctx)
	if err != nil {
		return "", fmt.Errorf("look for client %q: %w", name, translate(ctx, err))
	}
	for _, row := range rows {
		if row.Name != nil && norm.NFC.String(*row.Name) == composed {
			return *row.Name, nil
		}
	}
	return composed, nil
}

// isASCII reports whether a name has only ASCII characters, and so one composition.
func isASCII(name string) bool {
	for i := range len(name) {
		if name[i] >= 0x80 {
			return false
		}
	}
	return true
}
