// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build browser

package dashboard_test

// drawnScript looks at the charts of a page as they are laid out: how many there are,
// and what is wrong with them. Of each, one layout is shown, in which texts are within
// the chart and do not touch.
const drawnScript = `(() => {
	const problems = [];
	const plots = [...document.querySelectorAll('.plot')];
	for (const plot of plots) {
		const problem = (text) => problems.push(plot.closest('.chart').dataset.name + ': ' + text);
		const shown = [...plot.querySelectorAll('svg')].filter((svg) => svg.checkVisibility());
		if (shown.length !== 1) {
			problem(shown.length + ' layouts are shown');
			continue;
		}
		const [svg] = shown;
		const frame = svg.getBoundingClientRect();
		const texts = [...svg.querySelectorAll('text')].filter((text) => text.checkVisibility());
		const boxes = texts.map((text) => text.getBoundingClientRect());
		const shapes = svg.querySelectorAll('rect, path, circle').length;
		if (texts.length < 2 || shapes < 3 || frame.height < 40) {
			problem('has ' + texts.length + ' texts and ' + shapes + ' shapes, ' + frame.height + ' pixels high');
		}
		boxes.forEach((box, i) => {
			const size = parseFloat(getComputedStyle(texts[i]).fontSize) * svg.getCTM().a;
			if (size < 6) {
				problem(texts[i].textContent + ' is ' + size + ' pixels high');
			}
			if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2) {
				problem(texts[i].textContent + ' is outside of the chart');
			}
			for (let j = 0; j < i; j++) {
				const across = Math.min(box.right, boxes[j].right) - Math.max(box.left, boxes[j].left);
				const down = Math.min(box.bottom, boxes[j].bottom) - Math.max(box.top, boxes[j].top);
				if (across > 1 && down > 4) {
					problem(texts[i].textContent + ' touches ' + texts[j].textContent);
				}
			}
		});
	}
	return { charts: plots.length, problems: problems.slice(0, 12) };
})()`

// expectDrawn shows that so many charts are on the page, and are in order.
func expectDrawn(b *tab, charts int) {
	b.t.Helper()
	b.painted()
	expectInOrder(b, charts)
}

// expectInOrder is expectDrawn of a page that has been laid out, scripts or not.
func expectInOrder(b *tab, charts int) {
	b.t.Helper()
	got := eval[struct {
		Charts   int      `json:"charts"`
		Problems []string `json:"problems"`
	}](b, drawnScript)
	if got.Charts != charts {
		b.t.Errorf("%d charts are drawn, want %d", got.Charts, charts)
	}
	for _, problem := range got.Problems {
		b.t.Errorf("%d pixels: %s", eval[int](b, `innerWidth`), problem)
	}
}

// chartsOn counts the charts of the page.
func chartsOn(b *tab) int { return eval[int](b, `document.querySelectorAll('.plot').length`) }

// colorsScript lists the colours of what is shown of the charts.
const colorsScript = `[...document.querySelectorAll('.plot svg :is(rect, path, circle, text)')].filter((node) => node.checkVisibility())
	.flatMap((node) => [getComputedStyle(node).fill, getComputedStyle(node).stroke]).filter((color) => color.startsWith('rgb'))`
