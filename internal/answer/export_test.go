package answer

// Waiting is how many callers wait for the answer to a question without topics.
func (c *Cache) Waiting(key Key) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.flights[flightKey{key, c.epoch}]; ok {
		return f.waiting
	}
	return 0
}
