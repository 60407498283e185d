// SPDX-License-Identifier: AGPL-3.0-or-later

// Package openapi has the API documents that the service is generated from and serves.
package openapi

import (
	"bytes"
	_ "embed" // the documents are part of the program
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"go.yaml.in/yaml/v3"
)

// Swagger is the published Swagger 2.0 document.
//
//go:embed swagger.json
var Swagger []byte

// basePath is the line of the published document with the path of the API.
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

// mark is the placeholder for the prefix in the documents, which are encoded only once.
const mark = "@prefix@"

// marked is the document in both forms, with mark before each server's path.
type marked struct{ json, yaml []byte }

var encode = sync.OnceValues(func() (marked, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(Document, &root); err != nil {
		return marked{}, fmt.Errorf("read OpenAPI document: %w", err)
	}
	root.HeadComment = "" // about the file, not the document
	document := root.Content[0]
	document.HeadComment = ""
	markServers(document)
	paths := member(document, "paths")
	for i := 1; i < len(paths.Content); i += 2 {
		markServers(paths.Content[i])
	}
	var value any
	if err := document.Decode(&value); err != nil {
		return marked{}, fmt.Errorf("decode OpenAPI document: %w", err)
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		return marked{}, fmt.Errorf("encode OpenAPI document as JSON: %w", err)
	}
	var asYAML bytes.Buffer
	encoder := yaml.NewEncoder(&asYAML)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(document), encoder.Close()); err != nil {
		return marked{}, fmt.Errorf("encode OpenAPI document as YAML: %w", err)
	}
	return marked{json: asJSON, yaml: asYAML.Bytes()}, nil
})

// markServers marks the servers of the document or of a path. Quotes as those of
// JSON let the prefix stand in YAML too.
func markServers(holder *yaml.Node) {
	for _, server := range member(holder, "servers").Content {
		url := member(server, "url")
		url.Value, url.Style = mark+url.Value, yaml.DoubleQuotedStyle
	}
}

// member returns a member of a mapping, empty if it is missing.
func member(mapping *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i+1]
		}
	}
	return &yaml.Node{}
}

// JSON returns the OpenAPI 3 document as JSON for callers that see the service
// below a path prefix, such as "/dashboard" or "".
func JSON(prefix string) ([]byte, error) {
	documents, err := encode()
	if err != nil {
		return nil, err
	}
	return withPrefix(documents.json, prefix)
}

// YAML returns the same document as JSON, as YAML.
func YAML(prefix string) ([]byte, error) {
	documents, err := encode()
	if err != nil {
		return nil, err
	}
	return withPrefix(documents.yaml, prefix)
}

func withPrefix(document []byte, prefix string) ([]byte, error) {
	quoted, err := json.Marshal(prefix)
	if err != nil {
		return nil, fmt.Errorf("encode path prefix: %w", err)
	}
	return bytes.ReplaceAll(document, []byte(mark), quoted[1:len(quoted)-1]), nil
}
