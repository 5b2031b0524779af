package e2e

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A browser opens the page, presses a button, and the board's LED is on.
func TestBrowserSwitchesTheLED(t *testing.T) {
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("no Chromium on this machine: install the package chromium to run this test")
	}
	p, page := ours.webserver(t)

	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(browser),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, // tests run as root in a container
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("proxy-server", "direct://"),
		// Without names to look up, the browser keeps to the loopback.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	// The first call starts the browser, which lives as long as its context.
	if err := chromedp.Do(ctx, chromedp.Navigate(page)); err != nil {
		t.Fatalf("%v; the tool printed:\n%s", err, p.log())
	}
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for _, state := range []string{"on", "off"} {
		err := chromedp.Do(ctx,
			chromedp.Click("#"+state),
			chromedp.WaitVisible(`//b[@id="led" and text()="`+state+`"]`),
		)
		if err != nil {
			t.Fatalf("LED %s: %v; the tool printed:\n%s", state, err, p.log())
		}
		p.await("LED " + state)
	}
}
