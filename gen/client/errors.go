package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/monarc-project/stats-service/gen/api"
)

// Answer is what every result of a method that ends in WithResponse is.
type Answer interface {
	StatusCode() int
	ContentType() string
	GetBody() []byte
}

// StatusError tells that the service did not do what it was asked for.
type StatusError struct {
	Status  int               // HTTP status
	Message string            // what the service said; may be empty
	Fields  map[string]string // field, or index.field, and what is wrong with it; may be empty
}

// Error names the status, what the service said, and the fields in order.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("the stats service answered %d %s", e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		text += ": " + e.Message
	}
	if len(e.Fields) == 0 {
		return text
	}
	reasons := make([]string, 0, len(e.Fields))
	for field, reason := range e.Fields {
		reasons = append(reasons, field+": "+reason)
	}
	slices.Sort(reasons)
	return text + " (" + strings.Join(reasons, "; ") + ")"
}

// ErrorOf returns nil when the answer is one of success, a *StatusError
// otherwise. A batch of which a part was there already (207) and a client that
// was (304) count as success. Content that is not JSON does not: then it was not
// the service that answered, and the members of the result are nil.
func ErrorOf(answer Answer) error {
	status, body := answer.StatusCode(), answer.GetBody()
	if status/100 != 2 && status != http.StatusNotModified {
		return newStatusError(status, body)
	}
	if len(body) > 0 && !strings.Contains(answer.ContentType(), "json") {
		return &StatusError{Status: status, Message: "the answer is not JSON; is this the address of a stats service?"}
	}
	return nil
}

func newStatusError(status int, body []byte) *StatusError {
	var said api.Error
	if err := json.Unmarshal(body, &said); err != nil {
		return &StatusError{Status: status} // a proxy's page, perhaps
	}
	return &StatusError{Status: status, Message: said.Message, Fields: said.Errors}
}
