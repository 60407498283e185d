// SPDX-License-Identifier: AGPL-3.0-or-later

package answer

import "time"

// At sets the clock of a ListWriter.
func (l *ListWriter) At(now func() time.Time) *ListWriter {
	l.pace.now = now
	return l
}
