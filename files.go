package clawhq

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// FilesService manages the files of the account's knowledge base, which agents
// answer from. Use Client.Files.
type FilesService struct{ core *core }

// UploadFileRequest is a file to upload.
type UploadFileRequest struct {
	// Name is the file's name. It is required and must be printable ASCII,
	// since the service refuses other names. Names need not be unique.
	Name string

	// Content is the content of the file. With the form around it, of some 400
	// bytes, it must have less than 10 MiB (10,485,760 bytes): the service cuts
	// off what a longer request has. It is read from its current position to its
	// end while it is sent, and is not held in memory. If it is an io.Seeker, a
	// failed upload can be retried.
	Content io.Reader

	// ContentType is the media type: application/pdf, application/json,
	// text/plain, text/markdown, text/csv, image/png, image/jpeg, image/gif or
	// image/webp. Parameters of the media type are not sent. If it is empty,
	// the media type is derived from the extension of Name or, if that is not
	// known, from the beginning of Content, where any text is text/plain.
	ContentType string

	// Purpose is the purpose of the file. Empty means "knowledge_base". The
	// live service stores a file with another purpose, but neither List nor Get
	// finds it.
	Purpose string

	// Progress, if not nil, is called while Content is sent, with the number of
	// bytes sent so far and in total; total is -1 if it is not known. When an
	// upload is retried, sent starts at 0 again. The upload waits for each call
	// of Progress to return. If it panics, so does Upload.
	Progress func(sent, total int64)
}

// FileStatus is the state of a file.
type FileStatus string

// The states of a file.
const (
	FileProcessing       FileStatus = wire.FileProcessing       // being indexed
	FileProcessed        FileStatus = wire.FileProcessed        // indexed
	FilePendingEmbedding FileStatus = wire.FilePendingEmbedding // can be found by full-text search only, for now
	FileError            FileStatus = wire.FileError            // stored, but with nothing to index: images, PDFs and empty files
	FileFailed           FileStatus = wire.FileFailed           // indexing failed
)

// File is a file of the knowledge base. It may have been uploaded by this API or
// added in the dashboard.
type File struct {
	ID   string
	Name string

	// MIMEType is the media type in the File that Upload returns. Get and List
	// return only the extension, like "txt", or "url" for a web page.
	MIMEType string

	Purpose   string // set by Upload only
	Status    FileStatus
	Size      int64 // in bytes
	Chunks    int   // how many pieces were indexed; set by Get only
	CreatedAt time.Time
}

// Upload uploads a file. The service indexes it afterwards: call Get repeatedly
// until the status is no longer FileProcessing, which takes a few minutes at
// most. An upload is retried only if Content is an io.Seeker and the failure
// proves that nothing happened (see RetryPolicy).
//
// A file that the service would refuse fails with an InvalidRequestError before
// anything is sent. If the size of Content is not known and it turns out to be
// too large, the upload fails with an InvalidRequestError while it is being
// sent. If Content returns an error, the error of Upload wraps it.
//
// After Upload has returned, it uses neither Content nor Progress. A Read of
// Content that is under way when the service has already answered is waited for,
// until ctx ends; only then may it still be running. While Content is sent,
// WithAttemptTimeout bounds the time in which nothing can be sent.
//
// Endpoint: POST /v1/files
func (s *FilesService) Upload(ctx context.Context, req UploadFileRequest, opts ...CallOption) (*File, error) {
	var (
		form    *fileForm
		refused *InvalidRequestError
		err     error
	)
	if ctx != nil && ctx.Err() == nil { // otherwise do returns the error
		form, refused, err = newFileForm(ctx, req)
	}
	r := to(wire.UploadFile).unless(refused)
	if err != nil && ctx.Err() == nil {
		r.refused = redactedError(err, s.core.redact)
	}
	if form != nil {
		r.upload = form
		defer form.retire(ctx)
	}
	body, _, err := fetch[wire.File](ctx, s.core, r, opts)
	if err != nil && form != nil && !isReply(err) {
		if refused := form.outgrown(); refused != nil {
			return nil, newCallError(err.Error()+": "+refused.Message, refused, err)
		}
	}
	if err != nil {
		return nil, err
	}
	file := fileOf(body)
	return &file, nil
}

// List returns a page of the files, the newest first. A page has 20 files by
// default and 100 at most.
//
// Endpoint: GET /v1/files
func (s *FilesService) List(ctx context.Context, opts ListOptions, callOpts ...CallOption) (*Page[File], error) {
	body, _, err := fetch[wire.FileList](ctx, s.core, page(wire.ListFiles, opts), callOpts)
	if err != nil {
		return nil, err
	}
	return pageOf(body.Paging, body.Files, fileOf), nil
}

// All returns an iterator over the files from opts.Offset on. It requests page
// after page, opts.Limit files each, as the loop proceeds. See
// [FilesService.List] and [ListOptions].
//
// To delete all files, collect their ids first: if the list becomes shorter
// than the offset of the next page, the live service answers with status 500.
func (s *FilesService) All(ctx context.Context, opts ListOptions, callOpts ...CallOption) iter.Seq2[File, error] {
	return all(opts, callOpts, File.id, func(at ListOptions, callOpts []CallOption) (*Page[File], error) { return s.List(ctx, at, callOpts...) })
}

// Get returns the file with the given id. It returns a NotFoundError if there is
// no such file.
//
// Endpoint: GET /v1/files/{id}
func (s *FilesService) Get(ctx context.Context, id string, opts ...CallOption) (*File, error) {
	body, _, err := fetch[wire.File](ctx, s.core, to(wire.GetFile, id), opts)
	if err != nil {
		return nil, err
	}
	file := fileOf(body)
	return &file, nil
}

// Delete deletes a file. It returns a NotFoundError if there is no such file,
// which can also mean that an earlier attempt deleted it but its reply was lost.
//
// Endpoint: DELETE /v1/files/{id}
func (s *FilesService) Delete(ctx context.Context, id string, opts ...CallOption) error {
	return drop[wire.Deleted](ctx, s.core, to(wire.DeleteFile, id), opts)
}

func (f File) id() string { return f.ID }

func fileOf(f wire.File) File {
	file := File{
		ID: f.FileID, Name: f.Filename, MIMEType: f.MIMEType, Purpose: f.Purpose,
		Status: FileStatus(f.Status), Size: f.Size, CreatedAt: f.CreatedAt.Time(),
	}
	if f.Chunks != nil {
		file.Chunks = *f.Chunks
	}
	return file
}
