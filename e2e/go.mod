module tinynet/e2e

go 1.25

require (
	github.com/chromedp/chromedp v0.23.0
	github.com/warthog618/modem v0.4.0
	golang.org/x/net v0.50.0
)

require (
	github.com/chromedp/cdproto v0.159.0 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/pkg/errors v0.9.1 // indirect
)
