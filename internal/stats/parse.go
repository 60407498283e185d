package stats

// ParseBatch reads the body of a request that posts stats.
func ParseBatch(body []byte, known Known) (Batch, error) { panic("in progress") }

// ReadDocument reads the JSON of a document of type t.
func ReadDocument(t Type, data []byte) (Document, error) { panic("in progress") }
