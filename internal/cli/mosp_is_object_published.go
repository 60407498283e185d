// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/buildinfo"
	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/mosp"
)

func (p *program) mospIsObjectPublished() *cli.Command {
	return &cli.Command{
		Name:     "mosp_is_object_published",
		Category: categoryMOSP,
		Usage:    "Check if an object has been published on MOSP. Returns a boolean.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "uuid", Usage: "UUID of the object" + required},
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "Display the object"},
			jsonOption(),
		},
		Action: p.task(logging.CommandsMOSP, isObjectPublished),
	}
}

// publication is the JSON result of mosp_is_object_published.
type publication struct {
	UUID      uuid.UUID       `json:"uuid"`
	Published bool            `json:"published"`
	Answer    json.RawMessage `json:"answer,omitempty"` // with --verbose
}

func isObjectPublished(ctx context.Context, t *task) error {
	id, err := t.uuid("uuid")
	if err != nil {
		return err
	}
	answer, err := t.mosp().Object(ctx, id)
	if err != nil {
		return err
	}
	result := publication{UUID: id, Published: answer.Published}
	var object []byte
	if t.options.Bool("verbose") {
		result.Answer = answer.Raw
		if object, err = answer.Indented(); err != nil {
			return err
		}
	}
	return t.print(result, func(w io.Writer) {
		if len(object) > 0 {
			fmt.Fprintf(w, "%s\n", object)
		}
		fmt.Fprintln(w, boolean(answer.Published))
	})
}

func (t *task) mosp() *mosp.Client {
	return mosp.New(t.settings.MOSPURL, mosp.WithUserAgent(appName+"/"+buildinfo.Version), mosp.WithPrivateAddresses(t.settings.MOSPAllowPrivate))
}

// boolean returns a boolean in the form that callers of the command expect.
func boolean(b bool) string {
	if b {
		return "True"
	}
	return "False"
}
