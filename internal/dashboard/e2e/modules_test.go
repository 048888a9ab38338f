package e2e

import "testing"

// TestModules tests functions of the page's modules, which need a browser and
// no more.
func TestModules(t *testing.T) {
	b := openTab(t, startServer(t))
	b.open(b.server.dashboard)
	for name, test := range map[string]func(*testing.T, *tab){
		"lines": testLines, "event parser": testEventParser, "aligned": testAligned, "retry after": testRetryAfter, "storage": testStorage, "Go methods": testGoMethods,
	} {
		t.Run(name, func(t *testing.T) { test(t, b) })
	}
}

// testRetryAfter reads dates by the clock of the server, which may be ahead.
func testRetryAfter(t *testing.T, b *tab) {
	var reset string
	b.eval(`import('/static/ratelimit.js').then(({ readRateLimit }) => String(readRateLimit(new Headers({ 'X-RateLimit-Limit': '60', 'X-RateLimit-Remaining': '59', 'X-RateLimit-Reset': '1893456007', Date: 'Tue, 01 Jan 2030 00:00:00 GMT' })).reset))`, &reset)
	if reset != "7" {
		t.Errorf("the limit resets after %s s, want 7", reset)
	}
	for _, tt := range []struct{ headers, want string }{
		{`{ 'Retry-After': '7' }`, "7"},
		{`{ 'Retry-After': 'Tue, 01 Jan 2030 00:00:07 GMT', Date: 'Tue, 01 Jan 2030 00:00:00 GMT' }`, "7"},
		{`{ 'Retry-After': 'Tue, 01 Jan 2030 00:00:00 GMT', Date: 'Tue, 01 Jan 2030 00:00:07 GMT' }`, "0"},
		{`{ 'Retry-After': 'soon' }`, "null"},
		{`{}`, "null"},
	} {
		var got string
		b.eval(`import('/static/ratelimit.js').then(({ readRetryAfter }) => String(readRetryAfter(new Headers(`+tt.headers+`))))`, &got)
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.headers, got, tt.want)
		}
	}
}

// testStorage keeps more than the browser is to keep, and a secret.
func testStorage(t *testing.T, b *tab) {
	var outcome string
	b.eval(`import('/static/storage.js').then(({ storedHistory }) => {
		const key = 'clw_' + 'a1B2'.repeat(8);
		const whole = storedHistory.save([{ key, hook: 'whsec_' + '0f'.repeat(24), headers: 'Cookie: a=b; session=' + 'S3'.repeat(13) + '\nAuthorization: Bearer ' + 't0k-'.repeat(8) + '\nAuthorization: Bearer ' + key }, 'x'.repeat(600_000), 'y'.repeat(600_000)]);
		const size = Object.values({ ...sessionStorage }).join('').length;
		const kept = storedHistory.load();
		sessionStorage.setItem('clawhq-playground-history', '{not ours');
		return [whole, size < 700_000, kept.length, kept[0].key, kept[0].hook, kept[0].headers.replaceAll('\n', '|'), storedHistory.load().length].join(' ');
	})`, &outcome)
	if want := "false true 2 clw_a1B2a1B2•••••••• whsec_•••••••• Cookie: a=b; session=••••••••|Authorization: Bearer ••••••••|Authorization: Bearer clw_a1B2a1B2•••••••• 0"; outcome != want {
		t.Errorf("got %s, want %s", outcome, want)
	}
}

// testGoMethods looks for the SDK's calls, whose zero values have a meaning of
// their own.
func testGoMethods(t *testing.T, b *tab) {
	for _, tt := range []struct{ path, want string }{
		{"/v1/usage", "Usage(, 0)"},
		{"/v1/usage?days=7", "Usage(, 7)"},
		{"/v1/usage?days=0", "null"},
		{"/v1/usage?days=07", "null"},
		{"/v1/agents?limit=5&offset=0", "Agents.List(, clawhq.ListOptions{Limit: 5, Offset: 0})"},
		{"/v1/agents?limit=0", "null"},
		{"/v1/agents?more=1", "null"},
	} {
		var got string
		b.eval(`import('/static/snippets/gomethods.js').then(({ method }) => method({ method: 'GET', url: 'https://x/api`+tt.path+`', values: {} })?.call ?? 'null')`, &got)
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.path, got, tt.want)
		}
	}
}

// testLines lays out random texts, at once and piece by piece: the rows are
// the text, none is wider than allowed, and each position is in its row.
func testLines(t *testing.T, b *tab) {
	var problems []string
	b.eval(`import('/static/lines.js').then(({ Lines }) => {
		const parts = ['a', 'word ', ' ', '\n', '\t', '你', '😀', 'e\u0301', 'x'.repeat(50), '\u202e', '한글 ', '\n\n'];
		let seed = 1;
		const random = (n) => { seed = (seed * 16807) % 2147483647; return seed % n; };
		const problems = [];
		for (let round = 0; round < 300; round += 1) {
			const columns = 10 + random(60);
			const pieces = Array.from({ length: random(80) }, () => parts[random(parts.length)]);
			const text = pieces.join('');
			const whole = new Lines();
			whole.wrap(columns);
			whole.set(text);
			const grown = new Lines();
			grown.set(text.slice(0, 0));
			for (const piece of pieces) grown.append(piece);
			grown.wrap(columns);
			const rows = (lines) => Array.from({ length: lines.count }, (_, i) => lines.text.slice(...lines.row(i)));
			const say = (what) => problems.push(what + ' at ' + columns + ' columns: ' + JSON.stringify(rows(whole)));
			if (rows(whole).join('') !== text) say('text lost');
			if (JSON.stringify(rows(grown)) !== JSON.stringify(rows(whole))) say('grown otherwise');
			if (rows(whole).some((row) => [...row.replace(/[\n ]+$/, '').replaceAll('\u0301', '')].length > columns)) say('too wide');
			if (rows(whole).some((row, i) => row.slice(0, -1).includes('\n') || (i < whole.count - 1 && row === ''))) say('a row of several');
			for (let i = 0; i < whole.count; i += 1) {
				const [from, to] = whole.row(i);
				if (from < to && (whole.rowAt(from) !== i || whole.rowAt(to - 1) !== i)) say('row ' + i + ' not found');
			}
		}
		return problems.slice(0, 5);
	})`, &problems)
	for _, problem := range problems {
		t.Error(problem)
	}
}

// testEventParser cuts a stream in two at every place: its events stay the
// same.
func testEventParser(t *testing.T, b *tab) {
	var problems []string
	b.eval(`import('/static/sse.js').then(({ EventParser }) => {
		const stream = 'data: one\n\ndata:two\r\ndata: lines\r\n\r\n: a comment\rdata\r\rid: 7\ndata:  spaced\n\ndatax: no\n\n\ndata: never ended\n';
		const want = JSON.stringify(['one', 'two\nlines', '', ' spaced']);
		const problems = [];
		for (let cut = 0; cut <= stream.length; cut += 1) {
			const parser = new EventParser();
			const got = JSON.stringify([...parser.push(stream.slice(0, cut)), ...parser.push(stream.slice(cut))]);
			if (got !== want) problems.push('cut at ' + cut + ': got ' + got + ', want ' + want);
		}
		return problems.slice(0, 5);
	})`, &problems)
	for _, problem := range problems {
		t.Error(problem)
	}
}

// testAligned compares texts line by line.
func testAligned(t *testing.T, b *tab) {
	for _, tt := range []struct{ left, right, want string }{
		{"", "", "same:="},
		{"a b c", "a b c", "same:a=a same:b=b same:c=c"},
		{"a b c", "a x c", "same:a=a changed:b=x same:c=c"},
		{"a b c", "a c", "same:a=a left:b= same:c=c"},
		{"a c", "a b c", "same:a=a right:=b same:c=c"},
		{"a b", "x y z", "changed:a=x changed:b=y right:=z"},
	} {
		var got string
		b.eval(`import('/static/compare.js').then(({ aligned }) => aligned('`+tt.left+`'.split(' '), '`+tt.right+`'.split(' ')).map((r) => r.kind + ':' + (r.left ?? '') + '=' + (r.right ?? '')).join(' '))`, &got)
		if got != tt.want {
			t.Errorf("%q and %q: got %q, want %q", tt.left, tt.right, got, tt.want)
		}
	}
}
