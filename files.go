package clawhq

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// FilesService keeps the files that agents know of: the account's knowledge
// base. A Client's is Client.Files.
type FilesService struct{ core *core }

// UploadFileRequest is a file to upload.
type UploadFileRequest struct {
	// Name is the file's name: required, and printable ASCII, since the
	// service's store refuses others. It need not be unique.
	Name string

	// Content is what is in it, 10 MiB (10,485,760 bytes) at most. It is read
	// from where it stands to its end, as it is sent, and never held in memory.
	// If it is an io.Seeker, the upload can be repeated.
	Content io.Reader

	// ContentType is the media type: application/pdf, application/json,
	// text/plain, text/markdown, text/csv, image/png, image/jpeg, image/gif or
	// image/webp. Parameters are left out. Empty has it detected from Name and,
	// if the extension does not tell, from Content, where every text is
	// text/plain.
	ContentType string

	// Purpose is what the file is for; empty means "knowledge_base". The live
	// service stores a file of another purpose and never finds it again.
	Purpose string

	// Progress, unless nil, is called as Content is sent, with its bytes so far
	// and in total, -1 if that is not known. A repeated upload begins at 0
	// again. Calls do not overlap, and hold up the upload.
	Progress func(sent, total int64)
}

// FileStatus says what has become of a file.
type FileStatus string

// The statuses of a file.
const (
	FileProcessing       FileStatus = wire.FileProcessing
	FileProcessed        FileStatus = wire.FileProcessed        // indexed
	FilePendingEmbedding FileStatus = wire.FilePendingEmbedding // found by full text only, for now
	FileError            FileStatus = wire.FileError            // kept, with nothing to index: images, PDFs and empty files
	FileFailed           FileStatus = wire.FileFailed           // indexing failed
)

// File is a file of the knowledge base. Those added in the dashboard are there
// too.
type File struct {
	ID   string
	Name string

	// MIMEType is the media type in the reply to Upload, and ever after the
	// extension alone, like "txt", or "url" for a web page.
	MIMEType string

	Purpose   string // told by Upload only
	Status    FileStatus
	Size      int64 // in bytes
	Chunks    int   // pieces that were indexed; told by Get only
	CreatedAt time.Time
}

// Upload sends a file. It is indexed after that: poll Get until its status is
// no longer FileProcessing, for a few minutes at most, after which the service
// gives up. An upload is retried only if the failure proves that nothing
// happened and Content is an io.Seeker.
//
// A file that the service would refuse is refused with an InvalidRequestError
// before anything is sent; one of unknown size that turns out to be too large,
// while it is sent. An error of Content is the error of the upload. Content is
// not read after Upload has returned, but for a Read that was under way: a
// Content that blocks does not keep Upload from ending in time.
func (s *FilesService) Upload(ctx context.Context, req UploadFileRequest, opts ...CallOption) (*File, error) {
	var (
		form    *fileForm
		refused *InvalidRequestError
		err     error
	)
	if ctx != nil && ctx.Err() == nil { // else do says so
		form, refused, err = newFileForm(ctx, req)
	}
	r := to(wire.UploadFile).unless(refused)
	if err != nil && ctx.Err() == nil {
		r.refused = redactedError(err, s.core.redact)
	}
	if form != nil {
		r.upload = form
		defer form.retire()
	}
	body, _, err := fetch[wire.File](ctx, s.core, r, opts)
	if err != nil && form != nil && form.tooLarge.Load() {
		return nil, newCallError(err.Error(), invalid(CodeFileTooLarge, wire.FormFile, "%v", errFileTooLarge), err)
	}
	if err != nil {
		return nil, err
	}
	file := fileOf(body)
	return &file, nil
}

// List returns a page of the files, the newest first: 20 without a Limit, 100
// at most.
func (s *FilesService) List(ctx context.Context, opts ListOptions, callOpts ...CallOption) (*Page[File], error) {
	body, _, err := fetch[wire.FileList](ctx, s.core, page(wire.ListFiles, opts), callOpts)
	if err != nil {
		return nil, err
	}
	return pageOf(body.Paging, body.Files, fileOf), nil
}

// All returns the files from Offset on, Limit a request, as the loop goes. See
// [FilesService.List]. To delete them all, collect their ids first: the live
// service answers a page past the end of a list with status 500.
func (s *FilesService) All(ctx context.Context, opts ListOptions, callOpts ...CallOption) iter.Seq2[File, error] {
	return all(opts, File.id, func(at ListOptions) (*Page[File], error) { return s.List(ctx, at, callOpts...) })
}

// Get returns the file with an id. An unknown one is a NotFoundError.
func (s *FilesService) Get(ctx context.Context, id string, opts ...CallOption) (*File, error) {
	body, _, err := fetch[wire.File](ctx, s.core, to(wire.GetFile, id).unless(checkID(id)), opts)
	if err != nil {
		return nil, err
	}
	file := fileOf(body)
	return &file, nil
}

// Delete deletes a file. An unknown one is a NotFoundError; so may be one that
// was deleted though the reply was lost, after the retry.
func (s *FilesService) Delete(ctx context.Context, id string, opts ...CallOption) error {
	_, _, err := fetch[wire.Deleted](ctx, s.core, to(wire.DeleteFile, id).unless(checkID(id)), opts)
	return err
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
