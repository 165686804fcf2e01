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
		if strings.TrimSpace(part) == "" {
			continue
		}
		if !listItem.MatchString(strings.TrimSpace(part)) {
			blocks = append(blocks, textBlock{Text: textSpans(strings.Join(strings.Fields(part), " "))})
			continue
		}
		var items []string
		for line := range strings.SplitSeq(part, "\n") {
			line = strings.TrimSpace(line)
			if listItem.MatchString(line) {
				items = append(items, listItem.ReplaceAllString(line, ""))
			} else {
				items[len(items)-1] += " " + line
			}
		}
		list := textBlock{}
		for _, item := range items {
			list.Items = append(list.Items, textSpans(item))
		}
		blocks = append(blocks, list)
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
