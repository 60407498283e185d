// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/stats"
)

func TestAllListsAProcessorForEachType(t *testing.T) {
	t.Parallel()
	var names []string
	types := map[stats.Type]bool{}
	for _, p := range All() {
		names = append(names, p.Name)
		types[p.Type] = true
		if p.Description == "" || strings.Contains(p.Description, "  ") || p.Process == nil {
			t.Errorf("%s lacks a tidy description or a function", p.Name)
		}
	}
	want := []string{
		"cartography_averages", "compliance_averages", "risk_averages", "risk_averages_on_date",
		"threat_average_on_date", "vulnerability_average_on_date",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names differ (-want +got):\n%s", diff)
	}
	for _, known := range stats.Types() {
		if !types[known] {
			t.Errorf("no processor for %s", known)
		}
	}
	if !slices.IsSorted(names) {
		t.Error("not in name order")
	}
}

func TestFindIsCaseSensitive(t *testing.T) {
	t.Parallel()
	if p, ok := Find("risk_averages"); !ok || p.Name != "risk_averages" || p.Type != stats.Risk {
		t.Errorf("Find(risk_averages) = %q, %v", p.Name, ok)
	}
	if p, ok := Find("Risk_averages"); ok {
		t.Errorf("Find(Risk_averages) found %q", p.Name)
	}
}

func TestDescriptionNamesTheParameters(t *testing.T) {
	t.Parallel()
	p, _ := Find("risk_averages_on_date")
	want := "Evaluates the averages for the risks per date. Averages are evaluated per categories " +
		"(current/residual, informational/operational, low/medium/high).\n" +
		"Supported parameters:\n- risks_type: informational or operational\n- risks_state: current or residual."
	if diff := cmp.Diff(want, p.Description); diff != "" {
		t.Errorf("description differs (-want +got):\n%s", diff)
	}
}

func TestParseParams(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		raw  string
		want Params
	}{
		"nothing":             {"", nil},
		"white space":         {" \n", nil},
		"null":                {" null ", nil},
		"PHP's empty map":     {"[ ]", nil},
		"empty object":        {"{}", nil},
		"one value":           {`{"risks_state":"current"}`, Params{"risks_state": {"current"}}},
		"commas and spaces":   {`{"risks_type":" operational , informational"}`, Params{"risks_type": {"operational", "informational"}}},
		"array":               {`{"risks_type":["operational"]}`, Params{"risks_type": {"operational"}}},
		"both":                {`{"risks_type":"operational","risks_state":"residual"}`, Params{"risks_type": {"operational"}, "risks_state": {"residual"}}},
		"null, nothing asked": {`{"risks_type":null,"risks_state":""}`, nil},
		"empty array":         {`{"risks_type":[],"risks_state":"current"}`, Params{"risks_state": {"current"}}},
	}
	p, _ := Find("risk_averages")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := p.ParseParams([]byte(tt.raw))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("params differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseParamsRefusesAndSaysWhatIsAccepted(t *testing.T) {
	t.Parallel()
	takes := "risk_averages takes risks_state (current or residual) and risks_type (informational or operational)"
	object := "must be a JSON object without repeated names; " + takes
	tests := map[string]struct {
		processor, raw string
		want           ParamError
	}{
		"unknown value":     {"risk_averages", `{"risks_state":"future"}`, ParamError{"risks_state", `unknown value "future": use current or residual`}},
		"values have case":  {"risk_averages", `{"risks_state":"Current"}`, ParamError{"risks_state", `unknown value "Current": use current or residual`}},
		"one of two":        {"risk_averages", `{"risks_state":"current,"}`, ParamError{"risks_state", `unknown value "": use current or residual`}},
		"number":            {"risk_averages", `{"risks_state":1}`, ParamError{"risks_state", "must be a string or an array of strings: use current or residual"}},
		"array of numbers":  {"risk_averages", `{"risks_type":[1]}`, ParamError{"risks_type", "must be a string or an array of strings: use informational or operational"}},
		"object":            {"risk_averages", `{"risks_state":{}}`, ParamError{"risks_state", "must be a string or an array of strings: use current or residual"}},
		"unknown parameter": {"risk_averages", `{"risk_state":"current"}`, ParamError{"risk_state", "unknown parameter; " + takes}},
		"names have case":   {"risk_averages", `{"Risks_state":"current"}`, ParamError{"Risks_state", "unknown parameter; " + takes}},
		"no parameters":     {"threat_average_on_date", `{"x":""}`, ParamError{"x", "unknown parameter; threat_average_on_date takes no parameters"}},
		"array":             {"risk_averages", `["current"]`, ParamError{"", object}},
		"string":            {"risk_averages", `"current"`, ParamError{"", object}},
		"repeated name":     {"risk_averages", `{"risks_state":"current","risks_state":"residual"}`, ParamError{"", object}},
		"broken":            {"risk_averages", `{"risks_state"`, ParamError{"", object}},
		"long value": {"risk_averages", `{"risks_state":"` + strings.Repeat("é", 100) + `"}`,
			ParamError{"risks_state", `unknown value "` + strings.Repeat("é", 30) + `…": use current or residual`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := Find(tt.processor)
			got, err := p.ParseParams([]byte(tt.raw))
			var invalid *ParamError
			if !errors.As(err, &invalid) {
				t.Fatalf("ParseParams = %v, %v, want a *ParamError", got, err)
			}
			if diff := cmp.Diff(tt.want, *invalid); diff != "" {
				t.Errorf("error differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParamErrorNamesTheParameter(t *testing.T) {
	t.Parallel()
	named := &ParamError{Name: "risks_type", Reason: "unknown value"}
	if got, want := named.Error(), "processor_params.risks_type: unknown value"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	whole := &ParamError{Reason: "must be an object"}
	if got, want := whole.Error(), "processor_params: must be an object"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
