// Package server holds the routes of API v1 as a strict Echo server, generated
// from openapi/openapi.yaml: StrictServerInterface is what internal/httpapi
// implements, and nothing that the document does not describe can be answered.
package server
