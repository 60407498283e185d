// SPDX-License-Identifier: AGPL-3.0-or-later

// Container-lint checks a Dockerfile as `docker build --check` does, and a Compose file
// as `docker compose config` does, with the libraries of both and without an engine.
//
//	container-lint DOCKERFILE COMPOSE_FILE
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: container-lint DOCKERFILE COMPOSE_FILE")
		os.Exit(2)
	}
	ctx := context.Background()
	if err := errors.Join(checkDockerfile(ctx, os.Args[1]), checkCompose(ctx, os.Args[2])); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// anyImage stands in for a registry: base images are not resolved.
type anyImage struct{}

func (anyImage) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, "", []byte(`{"architecture":"amd64","os":"linux"}`), nil
}

// checkDockerfile reports errors and warnings alike.
func checkDockerfile(ctx context.Context, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	source := llb.NewSourceMap(nil, path, "Dockerfile", text)
	source.Definition = &llb.Definition{}
	found, err := dockerfile2llb.DockerfileLint(ctx, text, dockerfile2llb.ConvertOpt{SourceMap: source, MetaResolver: anyImage{}})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if found.Error == nil && len(found.Warnings) == 0 {
		return nil
	}
	same := func(source *pb.SourceInfo) *pb.SourceInfo { return source }
	return errors.Join(fmt.Errorf("%s has problems", path), found.PrintTo(os.Stderr, same))
}

// checkCompose reports violations of the Compose specification, and references to
// volumes, networks and the like that the file does not define.
func checkCompose(ctx context.Context, path string) error {
	options, err := cli.NewProjectOptions([]string{path}, cli.WithInterpolation(true), cli.WithNormalization(true), cli.WithConsistency(true))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if _, err := options.LoadProject(ctx); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
