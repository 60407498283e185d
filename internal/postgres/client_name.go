// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"fmt"

	"golang.org/x/text/unicode/norm"
)

// spelling returns a name as it is to be stored: composed (NFC), since names that
// differ in nothing but the composition of their characters look the same and are
// one name. Where a client is stored under the same name in another composition,
// which databases of earlier releases may have, it is that one's, so that the two
// conflict.
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

// isASCII reports whether all of a name has only one composition.
func isASCII(name string) bool {
	for i := range len(name) {
		if name[i] >= 0x80 {
			return false
		}
	}
	return true
}
