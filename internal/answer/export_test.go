package answer

import "time"

// At gives the writer of a list another clock.
func (l *ListWriter) At(now func() time.Time) *ListWriter {
	l.pace.now = now
	return l
}

// Waiting is how many callers wait for the answer to a question without topics.
func (c *Cache) Waiting(key Key) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.flights[flightKey{key, c.epoch}]; ok {
		return f.waiting
	}
	return 0
}
