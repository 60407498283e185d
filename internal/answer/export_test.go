package answer

import "time"

// At gives the writer of a list another clock.
func (l *ListWriter) At(now func() time.Time) *ListWriter {
	l.pace.now = now
	return l
}
