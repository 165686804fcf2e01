package main

import (
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// kerned draws texts with the distances between letters that the font asks for. The faces
// of x/image take a distance in units of the font for one in 64ths of a pixel, whatever
// the size of the text. In small texts they leave out the space before a capital A.
type kerned struct{ text.Handler }

func newKerned() kerned { return kerned{plot.DefaultTextHandler} }

// Draw implements [text.Handler].
func (h kerned) Draw(c vg.Canvas, txt string, style text.Style, at vg.Point) {
	h.Handler.Draw(kernedCanvas{c}, txt, style, at)
}

// kernedCanvas is a canvas that writes a text in pieces, so that no piece has two letters
// whose distance the font changes.
type kernedCanvas struct{ vg.Canvas }

// FillString implements [vg.Canvas].
func (c kernedCanvas) FillString(face font.Face, at vg.Point, s string) {
	begin := 0
	write := func(end int) {
		if end == begin {
			return
		}
		first := begin + 1
		for first < end && s[first]&0xc0 == 0x80 { // within a character
			first++
		}
		// The width up to the end of the first letter has its distance from the letter before.
		x := face.Width(s[:first]) - face.Width(s[begin:first])
		c.Canvas.FillString(face, at.Add(vg.Point{X: x}), s[begin:end])
		begin = end
	}
	var buf sfnt.Buffer
	var before sfnt.GlyphIndex
	for i, r := range s {
		glyph, err := face.Face.GlyphIndex(&buf, r)
		if err != nil {
			glyph = 0
		}
		if kern, err := face.Face.Kern(&buf, before, glyph, fixed.Int26_6(face.Face.UnitsPerEm()), xfont.HintingNone); i > 0 && err == nil && kern != 0 {
			write(i)
		}
		before = glyph
	}
	write(len(s))
}
