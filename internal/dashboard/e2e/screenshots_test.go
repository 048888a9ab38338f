package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var (
	pictures   = flag.Bool("pictures", false, "write pictures of what is tested at all widths to screenshots, to be looked at")
	docsImages = flag.Bool("docs-images", false, "also write the README's pictures to docs/images")
)

const maxDocsImage = 150_000 // bytes

// TestScreenshots checks that nothing is wider than the screen, from a phone to a
// desktop, and takes pictures in both themes if these are wanted.
func TestScreenshots(t *testing.T) {
	args := []string{"-agent-delay", "50ms"}
	if *docsImages {
		args = append(args, "-addr", "127.0.0.1:8787") // the address that readers will see
	}
	s := startServer(t, args...)
	b := openTab(t, s)
	b.open(s.dashboard)
	b.until(`document.querySelector('#first-code').textContent.includes('curl')`)
	b.everywhere("first")
	b.click(`nav a[href="#keys"]`)
	for name, tier := range map[string]string{"staging-test": "30", "mobile-app": "120"} {
		b.createKey(name, tier)
		b.click("#secret-dialog [data-close]")
	}
	key := b.createKey("production-backend", "60")
	b.everywhere("secret-dialog")
	b.click("#secret-try")
	var calls sync.WaitGroup
	for range 17 {
		calls.Go(func() { s.post(t, "/v1/chat", key, `{"message":"hi"}`) })
	}
	calls.Wait()
	s.post(t, "/v1/chat", key, `{}`)

	b.choose("#endpoint", "chat.stream")
	b.fill("#parameter-message", "Explain how webhooks work")
	b.fill("#parameter-agent", "support-bot")
	b.send()
	b.everywhere("playground-stream")
	b.choose("#endpoint", "chat")
	b.click(`#request-forms input[value=go]`)
	b.send()
	b.everywhere("playground-go")
	b.click(`#request-forms input[value=http]`)
	b.click(".faults summary")
	b.fill("#fault-input", "429:42")
	b.click("#fault-arm")
	b.wantText("#fault-count", "1 armed")
	b.send()
	b.wantText("#countdown", "Retry in")
	b.fill("#fault-input", "500,cut:2")
	b.click("#fault-arm")
	b.wantText("#fault-count", "2 armed")
	b.everywhere("playground-limited")
	b.click(`[data-key="2-compare"]`)
	b.until(`document.querySelector('#compare-dialog').open`)
	b.everywhere("compare")
	b.click("#compare-dialog [data-close]")
	b.click("#fault-clear")
	b.click(".faults summary")

	b.click(`nav a[href="#keys"]`)
	b.click(`[aria-label="Revoke staging-test"]`)
	b.everywhere("revoke-dialog")
	b.click("#revoke-form [type=submit]")
	b.until(`!document.querySelector('dialog[open]')`)
	b.everywhere("keys")

	s.post(t, "/v1/chat?a="+strings.Repeat("b", 4000), key, `{"message":"hi","stream":true}`)
	b.click(`nav a[href="#requests"]`)
	b.wantText(newest, "a=bbb")
	b.click(newest)
	b.wantText("#detail-event-count", "1")
	for _, tool := range []string{"clock", "aim", "agents"} {
		b.click("#" + tool + "-tool summary")
	}
	b.everywhere("requests-tools")
	for _, tool := range []string{"clock", "aim", "agents"} {
		b.click("#" + tool + "-tool summary")
	}
	b.eval(`[...document.querySelectorAll('#journal-list .j-row')].find((row) => row.textContent.includes('429:42')).click() ?? true`, new(bool))
	b.wantText("#detail-why", "The fault 429:42 was played")
	b.everywhere("requests")
	b.click(`nav a[href="#keys"]`)

	if *docsImages {
		b.docsImage("api-access")
		b.click(`nav a[href="#playground"]`)
		b.choose("#endpoint", "chat.stream")
		b.send()
		b.docsImage("playground")
		b.click(`nav a[href="#requests"]`)
		b.docsImage("requests")
	}

	// A browser that is not signed in.
	signedOut := openTab(t, s)
	signedOut.open(s.origin() + "/")
	signedOut.wantText("#signed-out", "Not signed in")
	signedOut.everywhere("signed-out")
}

// everywhere fails the test if the page is too wide at some width, and writes
// screenshots/NAME-WIDTH-THEME.png for all widths and themes if these are wanted.
func (b *tab) everywhere(name string) {
	b.t.Helper()
	for _, width := range []int64{360, 390, 768, 1024, 1280} {
		b.size(width, 900)
		var overflow int
		b.eval(fmt.Sprintf(`Math.max(document.documentElement.scrollWidth, innerWidth) - %d`, width), &overflow)
		if overflow > 0 {
			b.t.Errorf("%s at %d px: the page is %d px too wide", name, width, overflow)
		}
		for _, theme := range []string{"light", "dark"} {
			if *pictures {
				write(b.t, filepath.Join("screenshots", fmt.Sprintf("%s-%d-%s.png", name, width, theme)), b.picture(width, theme))
			}
		}
	}
	b.run("restore the size", emulation.ClearDeviceMetricsOverride())
	b.eval(`new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(true))))`, new(bool))
}

// picture takes the whole page at a width and in a theme.
func (b *tab) picture(width int64, theme string) []byte {
	b.t.Helper()
	var picture []byte
	b.run("take a picture",
		emulation.SetDeviceMetricsOverride(width, 900, 1, width < 500),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: theme},
			{Name: "prefers-reduced-motion", Value: "reduce"},
		}),
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, _, _, _, _, content, err := page.GetLayoutMetrics().Do(ctx)
			if err != nil {
				return err
			}
			// What sticks to the edge of the screen is to be at the page's.
			height := int64(max(content.Height, 900))
			if err := emulation.SetDeviceMetricsOverride(width, height, 1, width < 500).Do(ctx); err != nil {
				return err
			}
			picture, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).WithClip(&page.Viewport{
				Width: float64(width), Height: max(content.Height, 900), Scale: 1,
			}).Do(ctx)
			return err
		}))
	return picture
}

// docsImage writes a picture for the README: in 256 colours, cut below the
// last of the content.
func (b *tab) docsImage(name string) {
	b.t.Helper()
	full, err := png.Decode(bytes.NewReader(b.picture(1280, "light")))
	if err != nil {
		b.t.Fatal(err)
	}
	bounds := full.Bounds()
	var bottom float64
	b.eval(`document.querySelector('main').getBoundingClientRect().bottom + scrollY`, &bottom)
	bounds.Max.Y = min(bounds.Max.Y, int(bottom))
	small := image.NewPaletted(bounds, palette(full))
	draw.Draw(small, bounds, full, image.Point{}, draw.Src)
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, small); err != nil {
		b.t.Fatal(err)
	}
	if out.Len() >= maxDocsImage {
		b.t.Errorf("%s.png has %d bytes, the README's limit is %d", name, out.Len(), maxDocsImage)
	}
	write(b.t, filepath.Join(root, "docs", "images", name+".png"), out.Bytes())
	b.run("restore the size", emulation.ClearDeviceMetricsOverride())
}

// palette returns 256 colours for a picture: the most frequent ones as they
// are, such as those of the surfaces, and of the others, most of them shades
// at the edges of letters, those that differ visibly.
func palette(picture image.Image) color.Palette {
	const exact, distinct = 32, 10 // how many are kept as they are; how far the others are apart
	counts := make(map[color.RGBA]int)
	bounds := picture.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			counts[color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)]++
		}
	}
	colors := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int { return counts[b] - counts[a] })
	var p color.Palette
	for _, c := range colors {
		near := slices.ContainsFunc(p, func(o color.Color) bool {
			other := o.(color.RGBA)
			r, g, b := int(c.R)-int(other.R), int(c.G)-int(other.G), int(c.B)-int(other.B)
			return r*r+g*g+b*b < distinct*distinct
		})
		if len(p) < exact || len(p) < 256 && !near {
			p = append(p, c)
		}
	}
	return p
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
