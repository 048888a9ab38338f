package bulk

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Whatever a file contains, it is refused and left as it is, or it opens, and what
// is saved then is there beside what was there before.
func FuzzFile(f *testing.F) {
	good := append(encodeHeader("job"), encode(record(1))...)
	f.Add([]byte{})
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(append(good, encode(record(2))...))
	f.Add(append(good, "{}\n\n\x00\n"...))
	f.Add(append(good, append([]byte("null\n"), encode(record(2))...)...))
	f.Add([]byte(headerStart[:7]))
	f.Add([]byte(headerStart + `"a","job":"b"}` + "\n" + `{"id":"x","ID":"y"}` + "\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "answers")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := OpenFile(path)
		if err != nil {
			if after, _ := os.ReadFile(path); !errors.Is(err, ErrFormat) || !bytes.Equal(after, content) {
				t.Fatalf("%v, and the file is changed: %t", err, !bytes.Equal(after, content))
			}
			return
		}
		job := f.job
		if job == "" {
			job = "job"
		}
		var before []Record
		for r, err := range f.Load(t.Context(), job) {
			if err != nil {
				t.Fatal(err)
			}
			before = append(before, r)
		}
		fresh := Record{ID: "fresh", Response: "\n", At: time.Unix(1, 0).UTC()}
		if err := f.Save(t.Context(), job, fresh); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if f, err = OpenFile(path); err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		i := 0
		for r, err := range f.Load(t.Context(), job) {
			want := fresh
			if i < len(before) {
				want = before[i]
			}
			if err != nil || r.ID != want.ID || r.Response != want.Response || !r.At.Equal(want.At) {
				t.Fatalf("record %d: got %+v, %v; want %+v", i, r, err, want)
			}
			if _, found, err := f.Find(t.Context(), job, r.ID); !found || err != nil {
				t.Fatalf("%q is not found: %v", r.ID, err)
			}
			i++
		}
		if i != len(before)+1 {
			t.Fatalf("%d records, want %d", i, len(before)+1)
		}
	})
}
