package web

import (
	"regexp"
	"strings"
)

// textBlock is a paragraph of a description, or a numbered list.
type textBlock struct {
	Text  []textSpan   // of a paragraph
	Items [][]textSpan // of a list; nil: it is a paragraph
}

// textSpan is a piece of a text.
type textSpan struct {
	Code bool
	Text string
}

var listItem = regexp.MustCompile(`^\d+\. +`)

// textBlocks reads the few marks of Markdown that descriptions use: empty lines between
// paragraphs, numbered lists, and `code`.
func textBlocks(text string) (blocks []textBlock) {
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		var items []string
		for line := range strings.SplitSeq(part, "\n") {
			line = strings.TrimSpace(line)
			switch {
			case line == "":
			case listItem.MatchString(line) && (len(items) > 0 || line == strings.TrimSpace(part) || strings.HasPrefix(strings.TrimSpace(part), line)):
				items = append(items, listItem.ReplaceAllString(line, ""))
			case len(items) > 0:
				items[len(items)-1] += " " + line
			}
		}
		if len(items) > 0 {
			var list [][]textSpan
			for _, item := range items {
				list = append(list, textSpans(item))
			}
			blocks = append(blocks, textBlock{Items: list})
			continue
		}
		if paragraph := strings.Join(strings.Fields(part), " "); paragraph != "" {
			blocks = append(blocks, textBlock{Text: textSpans(paragraph)})
		}
	}
	return blocks
}

// textSpans divides a text at its backquotes. One without a partner is an ordinary
// character.
func textSpans(text string) (spans []textSpan) {
	for text != "" {
		before, rest, ok := strings.Cut(text, "`")
		code, after, closed := strings.Cut(rest, "`")
		if !ok || !closed {
			return append(spans, textSpan{Text: text})
		}
		if before != "" {
			spans = append(spans, textSpan{Text: before})
		}
		if code != "" {
			spans = append(spans, textSpan{Code: true, Text: code})
		}
		text = after
	}
	return spans
}
