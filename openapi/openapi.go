// Package openapi holds the documents that the service is generated from and
// that it serves.
package openapi

import (
	"bytes"
	_ "embed" // the documents are part of the program
	"encoding/json"
	"fmt"
	"sync"

	"gopkg.in/yaml.v3"
)

// Swagger is the Swagger 2.0 document as it was published.
//
//go:embed swagger.json
var Swagger []byte

// basePath is what the published document says about where the API is.
var basePath = []byte(`"basePath": "/api/v1"`)

// SwaggerBelow returns the Swagger 2.0 document for callers that see the service
// below a path prefix, such as "/dashboard" or "". All else is as published.
func SwaggerBelow(prefix string) []byte {
	quoted, err := json.Marshal(prefix + "/api/v1")
	if err != nil || prefix == "" {
		return Swagger // a string always encodes
	}
	return bytes.Replace(Swagger, basePath, append([]byte(`"basePath": `), quoted...), 1)
}

// Document is the OpenAPI 3 document, as YAML.
//
//go:embed openapi.yaml
var Document []byte

// mark stands for the prefix in the document that is encoded once for all.
const mark = "@prefix@"

var marked = sync.OnceValues(func() ([]byte, error) {
	var document map[string]any
	if err := yaml.Unmarshal(Document, &document); err != nil {
		return nil, fmt.Errorf("read OpenAPI document: %w", err)
	}
	markServers(document)
	paths, _ := document["paths"].(map[string]any)
	for _, item := range paths {
		if item, ok := item.(map[string]any); ok {
			markServers(item)
		}
	}
	encoded, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("encode OpenAPI document: %w", err)
	}
	return encoded, nil
})

func markServers(holder map[string]any) {
	servers, _ := holder["servers"].([]any)
	for _, server := range servers {
		if server, ok := server.(map[string]any); ok {
			server["url"] = mark + fmt.Sprint(server["url"])
		}
	}
}

// JSON returns the OpenAPI 3 document as JSON for callers that see the service
// below a path prefix, such as "/dashboard" or "".
func JSON(prefix string) ([]byte, error) {
	document, err := marked()
	if err != nil {
		return nil, err
	}
	quoted, err := json.Marshal(prefix)
	if err != nil {
		return nil, fmt.Errorf("encode path prefix: %w", err)
	}
	return bytes.ReplaceAll(document, []byte(mark), quoted[1:len(quoted)-1]), nil
}
