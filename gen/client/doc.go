// Package client is a typed client of API v1 of the MONARC Stats Service,
// generated from openapi/openapi.yaml. It needs neither a web framework nor a
// database driver.
//
// New takes the address of a service as it is written in the settings of its
// callers, and the API key of a client:
//
//	stats, err := client.New("https://stats.example.org/dashboard", key)
//
// Each operation has a method whose name ends in WithResponse. Its error is
// about the way to the service: no connection, or an answer that is not what
// the document describes. Whether the service did what it was asked for is told
// by the status of the result, or by ErrorOf:
//
//	result, err := stats.ClientGetWithResponse(ctx, nil)
//	if err != nil {
//		return err
//	}
//	if err := client.ErrorOf(result); err != nil {
//		return err
//	}
//	fmt.Println(result.JSON200.Name)
//
// The models of requests and answers are in package api beside this one. The
// parameters (nil is none) hold the X-Fields mask and the query string; filters
// are better put into the body, where they have their types.
package client
