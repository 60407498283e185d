// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// checkResponse returns nil for a successful JSON answer of the generated client.
// Otherwise it closes the answer and returns an *Error. A batch with duplicates (207)
// and an existing client (304) count as success.
func checkResponse(response *http.Response) error {
	if response.StatusCode/100 != 2 && response.StatusCode != http.StatusNotModified {
		return ReadError(response, time.Now())
	}
	return checkJSON(response)
}

// checkJSON closes an answer that is not JSON and returns an error: it cannot come from
// the service.
func checkJSON(response *http.Response) error {
	empty := response.StatusCode == http.StatusNoContent || response.StatusCode == http.StatusNotModified
	if empty || strings.Contains(response.Header.Get("Content-Type"), "json") {
		return nil
	}
	_ = response.Body.Close()
	return &Error{Status: response.StatusCode, Message: "the answer is not JSON", Err: ErrNotService}
}

// decode reads the whole answer into to, unless that is nil, and closes it.
func decode(response *http.Response, err error, to any) error {
	if err != nil {
		return err
	}
	if err := checkResponse(response); err != nil {
		return err
	}
	defer response.Body.Close()
	if to == nil || response.StatusCode == http.StatusNotModified {
		_, err := io.Copy(io.Discard, response.Body)
		return err
	}
	if err := json.NewDecoder(response.Body).Decode(to); err != nil {
		return unreadable(err)
	}
	return nil
}
