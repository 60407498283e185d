// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	fireID  = "b402d4e0-4576-11e9-9173-0800277f0571"
	floodID = "b402d523-4576-41e9-9173-0800277f0571"
)

// object returns the JSON of a threat with more members appended.
func object(id, rest string) string {
	return fmt.Sprintf(`{"uuid":%q,"count":1,"maxRisk":2,"averageRate":3%s}`, id, rest)
}

func TestReadDocumentMeasuresObjects(t *testing.T) {
	t.Parallel()
	fire := Key{Object: fireID}
	one := func(o Observation) []Observation { return []Observation{o} }
	tests := map[string]observed{
		"none": {data: ` [ ] `},
		"as MONARC sends them": {
			data: `[{"uuid":"` + fireID + `","label1":"Feu","label2":"Fire","label3":"","label4":null,"count":12,"maxRisk":36,"averageRate":"2.82"},
				{"uuid":"` + floodID + `","count":"1","maxRisk":-1,"averageRate":2.5}]`,
			want: []Observation{
				{Key: fire, Labels: Labels{"Feu", "Fire"}, Values: values("12", "36", "2.82")},
				{Key: Key{Object: floodID}, Values: values("1", "-1", "2.5")},
			},
		},
		"UUIDs become lower case": {
			data: "[" + object(strings.ToUpper(fireID), "") + "]",
			want: one(Observation{Key: fire, Values: values("1", "2", "3")}),
		},
		"unknown members of any shape": {
			data: "[" + object(fireID, `,"x":{"y":[1,{"z":null}],"uuid":"?"},"w":true,"v":"\\u0000"`) + "]",
			want: one(Observation{Key: fire, Values: values("1", "2", "3")}),
		},
		"labels of white space": {
			data: `[{"uuid":"` + fireID + `","label1":" \t\u00a0 ","label2":" Real name","count":1,"maxRisk":2,"averageRate":3}]`,
			want: one(Observation{Key: fire, Labels: Labels{"", " Real name"}, Values: values("1", "2", "3")}),
		},
		"escaped names and labels": {
			data: `[{"\u0075uid":"` + fireID + `","label1":"\u00e9\"\\","count":1,"maxRisk":2,"averageRate":3}]`,
			want: one(Observation{Key: fire, Labels: Labels{`é"\`}, Values: values("1", "2", "3")}),
		},
	}
	runObserved(t, Threat, tests)
	runObserved(t, Vulnerability, tests)
}

func TestInvalidObjectsAreRefused(t *testing.T) {
	t.Parallel()
	with := func(old, new string) string { return "[" + strings.Replace(object(fireID, ""), old, new, 1) + "]" }
	runRefused(t, Threat, map[string]refused{
		"object":        {`{}`, "data", "must be a list, not an object"},
		"null":          {`null`, "data", "must be a list, not null"},
		"number":        {`1`, "data", "must be a list, not a number"},
		"element list":  {`[[]]`, "data.0", "must be an object, not a list"},
		"element null":  {`[null]`, "data.0", "must be an object, not null"},
		"second string": {"[" + object(fireID, "") + `,"x"]`, "data.1", "must be an object, not a string"},
		"same object twice": {
			"[" + object(fireID, "") + "," + object(floodID, "") + "," + object(strings.ToUpper(fireID), "") + "]",
			"data.2", "the object " + fireID + " is already in data.0",
		},
		"no uuid":             {with(`"uuid":"`+fireID+`",`, ""), "data.0.uuid", "is missing"},
		"no count":            {with(`"count":1,`, ""), "data.0.count", "is missing"},
		"no maxRisk":          {with(`"maxRisk":2,`, ""), "data.0.maxRisk", "is missing"},
		"no averageRate":      {with(`,"averageRate":3`, ""), "data.0.averageRate", "is missing"},
		"names have case":     {with(`"maxRisk"`, `"maxrisk"`), "data.0.maxRisk", "is missing"},
		"uuid number":         {with(`"`+fireID+`"`, "1"), "data.0.uuid", "must be a UUID, not a number"},
		"uuid null":           {with(`"`+fireID+`"`, "null"), "data.0.uuid", "must be a UUID, not null"},
		"uuid malformed":      {with(fireID, "b402d4e0"), "data.0.uuid", `"b402d4e0" is not a UUID`},
		"uuid without dashes": {with(fireID, strings.ReplaceAll(fireID, "-", "")), "data.0.uuid", `"` + strings.ReplaceAll(fireID, "-", "") + `" is not a UUID`},
		"uuid in braces":      {with(fireID, "{"+fireID+"}"), "data.0.uuid", `"{` + fireID + `}" is not a UUID`},
		"label number":        {"[" + object(fireID, `,"label2":5`) + "]", "data.0.label2", "must be a string or null, not a number"},
		"label list":          {"[" + object(fireID, `,"label2":[]`) + "]", "data.0.label2", "must be a single value, not a list"},
		"count null":          {with(`"count":1`, `"count":null`), "data.0.count", "must be a number, not null"},
		"count true":          {with(`"count":1`, `"count":true`), "data.0.count", "must be a number, not true or false"},
		"count object":        {with(`"count":1`, `"count":{}`), "data.0.count", "must be a single value, not an object"},
		"count empty":         {with(`"count":1`, `"count":""`), "data.0.count", `"" is not a number`},
		"count NaN":           {with(`"count":1`, `"count":"NaN"`), "data.0.count", `"NaN" is not a number`},
		"count infinite":      {with(`"count":1`, `"count":"-Infinity"`), "data.0.count", `"-Infinity" is not a number`},
		"count hexadecimal":   {with(`"count":1`, `"count":"0x10"`), "data.0.count", `"0x10" is not a number`},
		"count negative":      {with(`"count":1`, `"count":-1`), "data.0.count", "must not be below 0"},
		"maxRisk too low":     {with(`"maxRisk":2`, `"maxRisk":"-1.5"`), "data.0.maxRisk", "must not be below -1"},
		"averageRate too low": {with(`"averageRate":3`, `"averageRate":-2`), "data.0.averageRate", "must not be below -1"},
		"count too large":     {with(`"count":1`, `"count":1e10`), "data.0.count", "1e10 is not between -1000000000 and 1000000000"},
		"count too long":      {with(`"count":1`, `"count":1.`+strings.Repeat("0", 40)), "data.0.count", "must be a number of at most 40 characters"},
	})
}

// allLevels is one observation for each state, kind and level, in this order,
// 0 where values (by "state kind level") does not say otherwise.
func allLevels(given map[string]string) []Observation {
	var all []Observation
	for _, state := range []string{"current", "residual"} {
		for _, kind := range []string{"informational", "operational"} {
			for _, level := range []string{"Low risks", "Medium risks", "High risks"} {
				value, ok := given[state+" "+kind+" "+level]
				if !ok {
					value = "0"
				}
				key := Key{State: state, Kind: kind, Level: level}
				all = append(all, Observation{Key: key, Values: values(value)})
			}
		}
	}
	return all
}

func TestReadDocumentMeasuresRisks(t *testing.T) {
	t.Parallel()
	none := allLevels(nil)
	runObserved(t, Risk, map[string]observed{
		"no risks":               {data: `{"risks":{}}`, want: none},
		"PHP's empty maps":       {data: `{"total":[],"risks":[]}`, want: none},
		"PHP's empty inner maps": {data: `{"total":{"current":[]},"risks":{"current":[],"residual":[]}}`, want: none},
		"unknown members":        {data: `{"risks":[],"other":[{"level":1}],"n":-1.5e-300}`, want: none},
		"as MONARC sends them": {
			data: `{"total":{"current":{"informational":101,"operational":"0"}},
				"risks":{"current":{"informational":[{"level":"Low risks","value":66},
				{"level":"Medium risks","value":"27"},{"level":"High risks","value":8.0}]}}}`,
			want: allLevels(map[string]string{
				"current informational Low risks":    "66",
				"current informational Medium risks": "27",
				"current informational High risks":   "8",
			}),
		},
		"a missing level has no risks": {
			data: `{"risks":{"residual":{"operational":[{"value":5,"level":"High risks","colour":"red"}],"informational":[]}}}`,
			want: allLevels(map[string]string{"residual operational High risks": "5"}),
		},
	})
}

func TestInvalidRisksAreRefused(t *testing.T) {
	t.Parallel()
	levels := func(list string) string { return `{"risks":{"current":{"informational":` + list + `}}}` }
	at := "data.risks.current.informational"
	runRefused(t, Risk, map[string]refused{
		"no risks":       {`{"total":{}}`, "data.risks", "is missing"},
		"empty list":     {`[]`, "data.risks", "is missing"},
		"list":           {`[1]`, "data", "must be an object, not a list"},
		"string":         {`"x"`, "data", "must be an object, not a string"},
		"risks list":     {`{"risks":[{}]}`, "data.risks", "must be an object, not a list"},
		"risks null":     {`{"risks":null}`, "data.risks", "must be an object, not null"},
		"unknown state":  {`{"risks":{"future":{}}}`, "data.risks.future", `unknown state "future": use current or residual`},
		"unknown kind":   {`{"risks":{"current":{"x":[]}}}`, "data.risks.current.x", `unknown kind of risk "x": use informational or operational`},
		"total state":    {`{"total":{"x":{}},"risks":{}}`, "data.total.x", `unknown state "x": use current or residual`},
		"total value":    {`{"total":{"current":{"operational":"many"}},"risks":{}}`, "data.total.current.operational", `"many" is not a number`},
		"total negative": {`{"total":{"current":{"operational":-1}},"risks":{}}`, "data.total.current.operational", "must not be below 0"},
		"levels map":     {levels(`{"0":{}}`), at, "must be a list, not an object"},
		"level unknown":  {levels(`[{"level":"low risks","value":1}]`), at + ".0.level", `unknown level "low risks": use Low risks or Medium risks or High risks`},
		"level number":   {levels(`[{"level":1,"value":1}]`), at + ".0.level", "must be a string or null, not a number"},
		"level missing":  {levels(`[{"value":1}]`), at + ".0.level", "is missing"},
		"value missing":  {levels(`[{"level":"Low risks"}]`), at + ".0.value", "is missing"},
		"value negative": {levels(`[{"level":"Low risks","value":-1}]`), at + ".0.value", "must not be below 0"},
		"level twice": {
			levels(`[{"level":"Low risks","value":1},{"level":"High risks","value":1},{"level":"Low risks","value":1}]`),
			at + ".2", `the level "Low risks" occurs twice`,
		},
	})
}

func TestReadDocumentMeasuresCartography(t *testing.T) {
	t.Parallel()
	informational := Key{State: "current", Kind: "informational"}
	cell := func(impact, likelihood, value string) Observation {
		key := informational
		key.Impact, key.Likelihood = impact, likelihood
		return Observation{Key: key, Values: values(value)}
	}
	// Every state and kind counts, also where there are no risks.
	with := func(cells ...Observation) []Observation {
		return append([]Observation{
			{Key: informational},
			{Key: Key{State: "current", Kind: "operational"}},
			{Key: Key{State: "residual", Kind: "informational"}},
			{Key: Key{State: "residual", Kind: "operational"}},
		}, cells...)
	}
	risks := func(cells string) string { return `{"scales":[],"risks":{"current":{"informational":` + cells + `}}}` }
	runObserved(t, Cartography, map[string]observed{
		"no maps":               {data: `{"risks":[]}`, want: with()},
		"null maps":             {data: `{"scales":{"impact":[0,1]},"risks":{"current":{"informational":null}}}`, want: with()},
		"an empty map":          {data: risks(`{}`), want: with()},
		"PHP's empty map":       {data: risks(`[]`), want: with()},
		"PHP's empty rows":      {data: risks(`[[],null,{}]`), want: with()},
		"maps":                  {data: risks(`{"0":{"3":2,"12":"4"},"10":{"0":1}}`), want: with(cell("0", "3", "2"), cell("0", "12", "4"), cell("10", "0", "1"))},
		"lists with holes":      {data: risks(`[null,[5,null,6],{"4":7}]`), want: with(cell("1", "0", "5"), cell("1", "2", "6"), cell("2", "4", "7"))},
		"cells without risks":   {data: risks(`{"1":[0,"0",null,1]}`), want: with(cell("1", "3", "1"))},
		"not evaluated":         {data: risks(`{"2":{"-1":1}}`), want: with(cell("2", "-1", "1"))},
		"nothing evaluated":     {data: risks(`{"-1":{"-1":1,"0":2},"0":{"-3":4}}`), want: with(cell("-1", "-1", "1"), cell("-1", "0", "2"), cell("0", "-3", "4"))},
		"negative in a list":    {data: risks(`[{"-1":1},[5],{"0":2,"-1":3}]`), want: with(cell("0", "-1", "1"), cell("1", "0", "5"), cell("2", "0", "2"), cell("2", "-1", "3"))},
		"the whole state empty": {data: `{"risks":{"current":[],"residual":{}}}`, want: with()},
	})
}

func TestInvalidCartographyIsRefused(t *testing.T) {
	t.Parallel()
	risks := func(cells string) string { return `{"risks":{"current":{"informational":` + cells + `}}}` }
	at := "data.risks.current.informational"
	scale := func(s string) string {
		return fmt.Sprintf("%q is not a scale value: use whole numbers without leading zeros", s)
	}
	runRefused(t, Cartography, map[string]refused{
		"no risks":            {`{"scales":{}}`, "data.risks", "is missing"},
		"states as a list":    {`{"risks":[[]]}`, "data.risks", "must be an object, not a list"},
		"unknown state":       {`{"risks":{"x":[]}}`, "data.risks.x", `unknown state "x": use current or residual`},
		"unknown kind":        {`{"risks":{"residual":{"x":[]}}}`, "data.risks.residual.x", `unknown kind of risk "x": use informational or operational`},
		"map is a number":     {risks(`1`), at, "must be an object, not a number"},
		"impact is no number": {risks(`{"high":{}}`), at + ".high", scale("high")},
		"impact is empty":     {risks(`{"":{}}`), at + ".", scale("")},
		"leading zero":        {risks(`{"01":{}}`), at + ".01", scale("01")},
		"negative zero":       {risks(`{"1":{"-0":1}}`), at + ".1.-0", scale("-0")},
		"only a sign":         {risks(`{"-":{"1":1}}`), at + ".-", scale("-")},
		"too long":            {risks(`{"1":{"1234567890":1}}`), at + ".1.1234567890", scale("1234567890")},
		"cell list":           {risks(`[[[1]]]`), at + ".0.0", "must be a single value, not a list"},
		"cell text":           {risks(`[[1],{"3":"few"}]`), at + ".1.3", `"few" is not a number`},
		"cell negative":       {risks(`[[1,-1]]`), at + ".0.1", "must not be below 0"},
		"cell in scales":      {`{"scales":{"impact":[1,[2,"\u0000"]]},"risks":{}}`, "data.scales.impact.1.1", `contains a NUL character (\u0000), which cannot be stored`},
	})
}

func TestReadDocumentMeasuresCompliance(t *testing.T) {
	t.Parallel()
	iso := Observation{Key: Key{Object: fireID}, Labels: Labels{"", "ISO"}}
	category := func(state, name, value string, labels ...string) Observation {
		o := Observation{Key: Key{Object: fireID, State: state, Category: name}, Values: values(value)}
		copy(o.Labels[:], labels)
		return o
	}
	runObserved(t, Compliance, map[string]observed{
		"none": {data: `[]`},
		"as MONARC sends it": {
			data: `[{"referential":"` + strings.ToUpper(fireID) + `","label1":"","label2":"ISO","label3":null,
				"current":[{"label1":"Accès","label2":"Access","value":"0.42","controls":[{"code":"5.1","measure":"` + floodID + `","value":"0.20"}]}],
				"target":[{"label1":"Accès","label2":"Access","value":1,"controls":[{"value":null},{"value":""},{}]}]}]`,
			want: []Observation{
				iso,
				category("current", "Access", "0.42", "Accès", "Access"),
				category("residual", "Access", "1", "Accès", "Access"),
			},
		},
		"the UUID may come last": {
			data: `[{"current":[{"label4":"Toegang","value":0}],"label2":"ISO","referential":"` + fireID + `"}]`,
			want: []Observation{iso, category("current", "Toegang", "0", "", "", "", "Toegang")},
		},
		"no value is not zero": {
			data: `[{"referential":"` + fireID + `","label2":"ISO","current":[{"label1":"A"},{"label1":"B","value":null},{"label1":"C","value":""}],"target":[]}]`,
			want: []Observation{iso},
		},
		"categories of the same name": {
			data: `[{"referential":"` + fireID + `","label2":"ISO","current":[{"label2":"A","value":1},{"label2":"A #2","value":2},
				{"label2":"A","value":3},{"value":4},{"label2":"A","value":5}],"target":[{"label2":"A"},{"label2":"A","value":6}]}]`,
			want: []Observation{
				iso,
				category("current", "A", "1", "", "A"),
				category("current", "A #2", "2", "", "A #2"),
				category("current", "A #3", "3", "", "A"),
				category("current", "", "4"),
				category("current", "A #4", "5", "", "A"),
				category("residual", "A #2", "6", "", "A"),
			},
		},
	})
}

func TestInvalidComplianceIsRefused(t *testing.T) {
	t.Parallel()
	current := func(list string) string { return `[{"referential":"` + fireID + `","current":` + list + `}]` }
	runRefused(t, Compliance, map[string]refused{
		"object":             {`{}`, "data", "must be a list, not an object"},
		"no referential":     {`[{"current":[]}]`, "data.0.referential", "is missing"},
		"referential text":   {`[{"referential":"ISO"}]`, "data.0.referential", `"ISO" is not a UUID`},
		"referential twice":  {`[{"referential":"` + fireID + `"},{"referential":"` + fireID + `"}]`, "data.1", "the referential " + fireID + " is already in data.0"},
		"current map":        {current(`{}`), "data.0.current", "must be a list, not an object"},
		"category text":      {current(`["A"]`), "data.0.current.0", "must be an object, not a string"},
		"value text":         {current(`[{},{"value":"high"}]`), "data.0.current.1.value", `"high" is not a number`},
		"value negative":     {current(`[{"value":-0.1}]`), "data.0.current.0.value", "must not be below 0"},
		"value list":         {current(`[{"value":[]}]`), "data.0.current.0.value", "must be a single value, not a list"},
		"label number":       {current(`[{"label3":3}]`), "data.0.current.0.label3", "must be a string or null, not a number"},
		"controls map":       {current(`[{"controls":{}}]`), "data.0.current.0.controls", "must be a list, not an object"},
		"control text":       {current(`[{"controls":["5.1"]}]`), "data.0.current.0.controls.0", "must be an object, not a string"},
		"control value text": {current(`[{"controls":[{"value":"?"}]}]`), "data.0.current.0.controls.0.value", `"?" is not a number`},
	})
}

// TestDocumentsThatCannotBeStoredAreRefused covers what no type accepts anywhere.
func TestDocumentsThatCannotBeStoredAreRefused(t *testing.T) {
	t.Parallel()
	element := func(rest string) string { return "[" + object(fireID, rest) + "]" }
	nul := `contains a NUL character (\u0000), which cannot be stored`
	number := "this number is too large, too small or too long to be stored"
	deep := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	members := func(n int) string {
		var names strings.Builder
		for i := range n {
			fmt.Fprintf(&names, `,"%d":0`, i)
		}
		return "{" + names.String()[1:] + "}"
	}
	const around = 5 // members around those of x
	runRefused(t, Threat, map[string]refused{
		"nothing":                   {"", "data", "is empty: send a JSON object or array"},
		"white space":               {" \n", "data", "is empty: send a JSON object or array"},
		"cut off":                   {`[{"uuid":`, "data.0.uuid", "not valid JSON: it ends too early"},
		"cut off in a list":         {`[`, "data", "not valid JSON: it ends too early"},
		"two values":                {`[][]`, "data", "there is more than one JSON value"},
		"garbage after":             {`[]x`, "data", "not valid JSON: invalid character 'x' at start of value (byte 2)"},
		"wrong bracket":             {`[}`, "data.0", "not valid JSON: invalid character '}' at start of value (byte 1)"},
		"NaN":                       {element(`,"x":NaN`), "data.0.x", `not valid JSON: invalid character 'N' at start of value (byte 90)`},
		"name twice":                {element(`,"count":2`), "data.0.count", "this name occurs twice in the same object"},
		"name twice, unknown":       {element(`,"x":{"a":[{"b":1,"b":2}]}`), "data.0.x.a.0.b", "this name occurs twice in the same object"},
		"name twice, escaped":       {element(`,"c\u006funt":2`), "data.0.count", "this name occurs twice in the same object"},
		"invalid UTF-8":             {element(",\"x\":\"\xff\""), "data.0.x", "not valid JSON: invalid UTF-8 (byte 91)"},
		"half a surrogate pair":     {element(`,"x":"\ud800"`), "data.0.x", "not valid JSON: invalid surrogate pair `\\ud800\"}]` in string (byte 91)"},
		"NUL in a label":            {element(`,"label1":"a\u0000"`), "data.0.label1", nul},
		"NUL in an unknown value":   {element(`,"x":[{"y":"\\\u0000"}]`), "data.0.x.0.y", nul},
		"NUL in an unknown name":    {element(`,"x":[{"\u0000":1}]`), "data.0.x.0.\x00", nul},
		"unescaped NUL":             {element(",\"x\":\"\x00\""), "data.0.x", `not valid JSON: invalid character '\x00' in string (expecting non-control character) (byte 91)`},
		"unknown number, huge":      {element(`,"x":1e401`), "data.0.x", number},
		"unknown number, tiny":      {element(`,"x":[1E-401]`), "data.0.x.0", number},
		"unknown number, endless":   {element(`,"x":1e99999999999999999999`), "data.0.x", number},
		"unknown number, long":      {element(`,"x":` + strings.Repeat("1", 401)), "data.0.x", number},
		"nested too deeply":         {element(`,"x":` + deep(99)), "data.0.x" + strings.Repeat(".0", 96) + "…", "nested deeper than 100 levels"},
		"nested far too deeply":     {deep(10000), "data.0", "must be an object, not a list"},
		"nested far too deeply, in": {element(`,"x":` + deep(100000)), "data.0.x" + strings.Repeat(".0", 96) + "…", "nested deeper than 100 levels"},
		"too many members":          {element(`,"x":` + members(maxMembers-around+1)), "data.0.x.9995", "more than 10000 members in this object and those around it"},
		"too many around":           {element(`,"x":` + strings.TrimSuffix(members(maxMembers-around-1), "}") + `,"z":{"a":1}}`), "data.0.x.z.a", "more than 10000 members in this object and those around it"},
	})
	runObserved(t, Threat, map[string]observed{
		"as many members as allowed, twice": {
			data: element(`,"x":[` + members(maxMembers-around) + `,` + members(maxMembers-around) + `]`),
			want: []Observation{{Key: Key{Object: fireID}, Values: values("1", "2", "3")}},
		},
		"nested as deeply as allowed": {
			data: element(`,"x":` + deep(98)),
			want: []Observation{{Key: Key{Object: fireID}, Values: values("1", "2", "3")}},
		},
		"unknown numbers as large as allowed": {
			data: element(`,"x":[1e400,1e-400,` + strings.Repeat("1", 400) + `]`),
			want: []Observation{{Key: Key{Object: fireID}, Values: values("1", "2", "3")}},
		},
	})
}

func TestParseType(t *testing.T) {
	t.Parallel()
	for _, want := range Types() {
		got, err := ParseType(string(want))
		if err != nil || got != want {
			t.Errorf("ParseType(%q) = %q, %v", want, got, err)
		}
	}
	for _, unknown := range []string{"", "Risk", "risks", " risk"} {
		_, err := ParseType(unknown)
		checkInvalid(t, err, "type", fmt.Sprintf(
			"unknown type %q: use one of risk, vulnerability, threat, cartography, compliance", unknown))
	}
	_, err := ReadDocument("risks", []byte(`{}`))
	checkInvalid(t, err, "type", `unknown type "risks": use one of risk, vulnerability, threat, cartography, compliance`)
}

func TestUnderPrefixesTheFields(t *testing.T) {
	t.Parallel()
	inner := Invalid("data.3.count", "is missing")
	want := &InvalidError{Message: inner.Message, Fields: map[string]string{"17.data.3.count": "is missing"}}
	if diff := cmp.Diff(want, inner.Under("17")); diff != "" {
		t.Errorf("error differs (-want +got):\n%s", diff)
	}
	if _, kept := inner.Fields["data.3.count"]; !kept {
		t.Error("the original error has changed")
	}
}
