package clawhq

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"sync"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// A fileForm is the body of an upload: a form (RFC 7578) whose last part is the
// file. The file is read while it is sent.
type fileForm struct {
	media         string // the form's media type
	before, after []byte // the form around the file

	head     []byte // the file's beginning, which was read to tell its type
	content  io.Reader
	seeker   io.Seeker // of content; nil if it cannot be read again
	start    int64     // where the file begins, for seeker
	size     int64     // -1 if it is not known
	most     int64     // what size may be: the form must fit into a body
	progress func(sent, total int64)

	opened bool
	busy   chan struct{} // full while a Read or Seek of content, or progress, runs

	mu       sync.Mutex  // held while progress runs; guards the fields below
	reader   *fileReader // the only one that may read content
	tooLarge bool        // content has turned out to be too large
	panicked any         // what content or progress has panicked with, while it was sent
}

// newFileForm returns the form of a file, or the reason why the service would
// refuse the file. The error is one of the content or of ctx.
func newFileForm(ctx context.Context, req UploadFileRequest) (*fileForm, *InvalidRequestError, error) {
	if refused := req.check(); refused != nil {
		return nil, refused, nil
	}
	f := &fileForm{content: req.Content, size: -1, progress: req.Progress, busy: make(chan struct{}, 1)}
	if _, err := f.use(ctx, func() (int, error) { return 0, f.measure() }); err != nil {
		return nil, nil, fmt.Errorf("clawhq: determining the size of Content: %w", err)
	}
	f.head = make([]byte, 512) // as much as http.DetectContentType reads
	n, err := f.use(ctx, func() (int, error) { return io.ReadFull(f.content, f.head) })
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, nil, fmt.Errorf("clawhq: reading Content: %w", err)
	}
	f.head = f.head[:n]
	t, refused := req.fileType(f.head)
	if refused != nil {
		return nil, refused, nil
	}
	f.write(req, t)
	if f.size > f.most {
		return nil, invalid(CodeFileTooLarge, wire.FormFile, "file has %d bytes, at most %d are allowed with this name and purpose", f.size, f.most), nil
	}
	return f, nil, nil
}

// check returns the reason why the service would refuse a file whatever its
// content, or nil.
func (req UploadFileRequest) check() *InvalidRequestError {
	switch {
	case req.Content == nil:
		return invalid(CodeMissingParameter, wire.FormFile, "file is required: Content is nil")
	case req.Name == "":
		return invalid(CodeMissingParameter, wire.FormFile, "file has no name")
	case !headerSafe(req.Name):
		return invalid(CodeInvalidParameter, wire.FormFile, "file name %q is not printable ASCII", req.Name)
	}
	return checkText(wire.FormPurpose, req.Purpose)
}

// fileType returns the type of a file that begins with head.
func (req UploadFileRequest) fileType(head []byte) (wire.FileType, *InvalidRequestError) {
	var (
		t     wire.FileType
		known bool
	)
	if req.ContentType != "" {
		media, _, _ := mime.ParseMediaType(req.ContentType) // an error concerns only the parameters
		t, known = wire.FileTypeOf(media)
	} else if t, known = wire.FileTypeByName(req.Name); !known {
		t, known = wire.DetectFileType(head)
	}
	switch {
	case !known:
		return t, invalid(CodeUnsupportedFileType, wire.FormFile, "file %q is of type %q; it must be of one of %s",
			req.Name, cmp.Or(req.ContentType, http.DetectContentType(head)), wire.SupportedFileTypes())
	case !t.Matches(head):
		return t, invalid(CodeUnsupportedFileType, wire.FormFile, "file %q does not begin like a file of type %s", req.Name, t.MediaType)
	}
	return t, nil
}

// measure finds out how large the file is and whether it can be read again.
func (f *fileForm) measure() error {
	if b, ok := f.content.(*bytes.Buffer); ok { // Len of other types may mean anything
		f.size = int64(b.Len())
	}
	if s, ok := f.content.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if info, err := s.Stat(); err == nil && !info.Mode().IsRegular() {
			return nil // a terminal's Seek succeeds, and does nothing
		}
	}
	seeker, ok := f.content.(io.Seeker)
	if !ok {
		return nil
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil // a pipe
	}
	end, err := seeker.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	f.seeker, f.start, f.size = seeker, start, max(0, end-start)
	_, err = seeker.Seek(start, io.SeekStart)
	return err
}

// write writes the parts of the form before and after the file.
func (f *fileForm) write(req UploadFileRequest, t wire.FileType) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b) // writing to memory does not fail
	f.media = form.FormDataContentType()
	if req.Purpose != "" {
		form.WriteField(wire.FormPurpose, req.Purpose)
	}
	name := strings.ReplaceAll(req.Name, `"`, "%22") // WHATWG HTML, "multipart/form-data encoding algorithm"
	form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="` + wire.FormFile + `"; filename="` + name + `"`},
		"Content-Type":        {t.MediaType},
	})
	f.before = bytes.Clone(b.Bytes())
	b.Reset()
	form.Close()
	f.after = b.Bytes()
	f.most = wire.MaxUploadBodyBytes - int64(len(f.before)+len(f.after))
}

// outgrown returns the reason why the service would refuse the file, if its size
// was not known and has turned out to be too large.
func (f *fileForm) outgrown() *InvalidRequestError {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.tooLarge {
		return nil
	}
	return invalid(CodeFileTooLarge, wire.FormFile, "file has more than %d bytes, the most that is allowed with this name and purpose", f.most)
}

func (f *fileForm) contentType() string { return f.media }

func (f *fileForm) spent() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opened && f.seeker == nil || f.panicked != nil
}

func (f *fileForm) open(ctx context.Context) (io.ReadCloser, int64, error) {
	if f.spent() {
		return nil, 0, errors.New("the file cannot be sent again: its Content is not an io.Seeker")
	}
	r := &fileReader{form: f, ctx: ctx, buffer: make([]byte, 32<<10), head: f.head}
	f.give(r)
	if f.opened {
		if _, err := f.use(ctx, func() (int, error) {
			_, err := f.seeker.Seek(f.start+int64(len(f.head)), io.SeekStart)
			return 0, err
		}); err != nil {
			return nil, 0, fmt.Errorf("sending the file again: %w", err)
		}
	}
	f.opened = true
	size := int64(-1)
	if f.size >= 0 {
		size = int64(len(f.before)) + f.size + int64(len(f.after))
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(f.before), r, bytes.NewReader(f.after)), r}, size, nil
}

// give makes r the only reader of content; nil for none. A call of progress that
// runs is waited for.
func (f *fileForm) give(r *fileReader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reader = r
}

// retire makes sure that nothing of the caller's is used any more. It waits for a
// Read or Seek of content that runs, until ctx ends. Then it panics if content or
// progress has panicked while the file was sent.
func (f *fileForm) retire(ctx context.Context) {
	f.give(nil)
	select {
	case f.busy <- struct{}{}: // for good
	case <-ctx.Done():
	}
	f.mu.Lock()
	panicked := f.panicked
	f.mu.Unlock()
	if panicked != nil {
		panic(panicked)
	}
}

// use calls do, which reads content or seeks in it, while no other do runs. If
// ctx ends first, use returns its cause, and do goes on in the background:
// content may block for as long as it likes.
func (f *fileForm) use(ctx context.Context, do func() (int, error)) (int, error) {
	select {
	case f.busy <- struct{}{}:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	type result struct {
		n        int
		err      error
		panicked any
	}
	done := make(chan result, 1)
	go func() {
		r := result{err: errors.New("reading Content ended its goroutine")}
		defer func() {
			r.panicked = recover()
			<-f.busy
			done <- r
		}()
		r.n, r.err = do()
	}()
	select {
	case r := <-done:
		if r.panicked != nil {
			panic(r.panicked)
		}
		return r.n, r.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// A fileReader reads the file of a form for one attempt, until the attempt ends
// or the next one begins.
type fileReader struct {
	form   *fileForm
	ctx    context.Context // the attempt's
	buffer []byte          // what content is read into; its Read may outlast ours
	head   []byte          // the part of the file's beginning that was not read yet
	sent   int64
}

var (
	errFileRetired  = errors.New("the file is no longer read for this attempt")
	errFileTooLarge = errors.New("the file is too large")
	errFilePanicked = errors.New("reading the file has panicked")
)

func (r *fileReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	n, err := r.form.use(r.ctx, func() (int, error) { return r.read(r.buffer[:min(len(p), len(r.buffer))]) })
	return copy(p, r.buffer[:n]), err
}

func (r *fileReader) read(p []byte) (n int, err error) {
	f := r.form
	defer func() {
		if p := recover(); p != nil { // for the caller of Upload; this goroutine is the transport's
			f.mu.Lock()
			f.panicked = p
			f.mu.Unlock()
			n, err = 0, errFilePanicked
		}
	}()
	f.mu.Lock()
	retired := f.reader != r
	f.mu.Unlock()
	switch {
	case retired:
		return 0, errFileRetired
	case len(r.head) > 0:
		n = copy(p, r.head)
		r.head = r.head[n:]
	default:
		n, err = f.content.Read(p)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r.sent += int64(n)
	switch {
	case f.reader != r: // the attempt has ended meanwhile
	case r.sent > f.most:
		f.tooLarge = true
		return 0, errFileTooLarge
	case n > 0 && f.progress != nil:
		f.progress(r.sent, f.size)
	}
	return n, err
}

// Close ends the reading.
func (r *fileReader) Close() error {
	f := r.form
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reader == r {
		f.reader = nil
	}
	return nil
}
