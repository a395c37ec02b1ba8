package console_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	cdppage "github.com/chromedp/cdproto/page"
)

// accessible demands of the page that axe-core finds nothing in it, in light, dark and on a narrow
// screen, and that nobody has to scroll sideways there. It asks the browser that has script and a
// mouse; in the other tellings of a scenario it does nothing.
func accessible(t *testing.T, v visitor) {
	t.Helper()
	b, ok := v.(*browser)
	if !ok || b.manner != (manner{}) {
		return
	}
	t.Run("accessible "+b.title(), func(t *testing.T) {
		modules := os.Getenv("CARILLON_TEST_NODE")
		if modules == "" {
			t.Skip("CARILLON_TEST_NODE is not set; .ci/run sets it")
		}
		for _, barrier := range barriers(b, modules) {
			t.Error(barrier)
		}
	})
}

// barriers returns in words what keeps people out of the page.
func barriers(b *browser, modules string) (all []string) {
	b.t.Helper()
	b.page()
	axe, err := os.ReadFile(filepath.Join(modules, "axe-core", "axe.min.js"))
	if err != nil {
		b.t.Fatal(err)
	}
	evaluate[any](b, "%s; 0", axe)
	defer b.wear(b.manner)
	for _, m := range []manner{{}, {dark: true}, {narrow: true}} {
		b.wear(m)
		rules := "" // all
		if m.dark {
			rules = `, runOnly: ["color-contrast"]` // nothing else depends on colors
		}
		found := evaluate[[]struct {
			ID, Help, HelpURL string
			Nodes             []struct {
				Target         []json.RawMessage
				FailureSummary string
			}
		}](b, `axe.run(document, { resultTypes: ["violations"], preload: false%s }).then((found) => found.violations)`, rules)
		for _, f := range found {
			for _, n := range f.Nodes {
				summary := strings.ReplaceAll(n.FailureSummary, "\n", "\n    ")
				all = append(all, fmt.Sprintf("%s: %s: %s at %s\n    %s\n    %s", m, f.ID, f.Help, n.Target, summary, f.HelpURL))
			}
		}
		if width := evaluate[int](b, "visitor.width()"); m.narrow && width > narrowWidth {
			all = append(all, fmt.Sprintf("%s: the page is %d pixels wide, on a screen of %d", m, width, narrowWidth))
		}
		for _, text := range evaluate[[]string](b, "visitor.squeezed()") {
			all = append(all, fmt.Sprintf("%s: the page has a letter or two on a line of %q", m, text))
		}
	}
	return all
}

var takePictures = flag.Bool("pictures", false, "write the screenshots of the documentation")

// maxPicture is what a screenshot may weigh, in bytes.
const maxPicture = 60 << 10

// pictureFile is where the screenshot with this name is kept.
func pictureFile(name string) string { return "../../docs/images/console-" + name + ".webp" }

// picture takes the screenshot of the page for the documentation, where people ask for it:
//
//	go test ./internal/console -run Pictures -pictures
//
// Else it demands that there is one. What is on it changes only as the console does.
func picture(t *testing.T, b *browser, name string) {
	t.Helper()
	if !*takePictures {
		if _, err := os.Stat(pictureFile(name)); err != nil {
			t.Errorf("%v: go test ./internal/console -run Pictures -pictures takes the pictures", err)
		}
		return
	}
	b.page()
	evaluate[any](b, "visitor.settle()")
	image := screenshot(b)
	if len(image) > maxPicture {
		t.Errorf("the picture %s has %d bytes, want at most %d", name, len(image), maxPicture)
	}
	if err := os.MkdirAll(filepath.Dir(pictureFile(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pictureFile(name), image, 0o644); err != nil {
		t.Fatal(err)
	}
}

// screenshot returns what is on the screen as WebP, without a blinking cursor.
func screenshot(b *browser) []byte {
	b.t.Helper()
	b.page()
	evaluate[any](b, "visitor.leaveFocus()")
	quality := int64(80)
	return call(b, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{Format: cdppage.CaptureScreenshotFormatWebp, Quality: &quality}).Data
}
