// Package openapi holds the documents that the service is generated from and
// that it serves.
package openapi

import (
	_ "embed" // the documents are part of the program
	"encoding/json"
	"fmt"

	"gopkg.in/yaml.v3"
)

// Swagger is the Swagger 2.0 document as it was published.
//
//go:embed swagger.json
var Swagger []byte

// Document is the OpenAPI 3 document, as YAML.
//
//go:embed openapi.yaml
var Document []byte

// JSON returns the OpenAPI 3 document as JSON for callers that see the service
// below a path prefix, such as "/dashboard" or "".
func JSON(prefix string) ([]byte, error) {
	var document map[string]any
	if err := yaml.Unmarshal(Document, &document); err != nil {
		return nil, fmt.Errorf("read OpenAPI document: %w", err)
	}
	prefixServers(document, prefix)
	paths, _ := document["paths"].(map[string]any)
	for _, item := range paths {
		if item, ok := item.(map[string]any); ok {
			prefixServers(item, prefix)
		}
	}
	encoded, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("encode OpenAPI document: %w", err)
	}
	return encoded, nil
}

func prefixServers(holder map[string]any, prefix string) {
	servers, _ := holder["servers"].([]any)
	for _, server := range servers {
		if server, ok := server.(map[string]any); ok {
			server["url"] = prefix + fmt.Sprint(server["url"])
		}
	}
}
