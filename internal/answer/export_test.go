// SPDX-License-Identifier: AGPL-3.0-or-later

package answer

import "time"

// At gives the writer of a list another clock.
func (l *ListWriter) At(now func() time.Time) *ListWriter {
	l.pace.now = now
	return l
}
