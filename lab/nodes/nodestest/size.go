package nodestest

import (
	"reflect"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/node/gossip"
)

// sizeOf estimates how many bytes are reachable from a machine. It does not count
// functions, nor the machine's chain, which it shares with the node.
func sizeOf(g *gossip.Gossip) int {
	s := sizer{seen: map[uintptr]bool{}}
	return s.of(reflect.ValueOf(g))
}

// sizer adds up the sizes of what it has not seen before.
type sizer struct{ seen map[uintptr]bool }

// of returns the number of bytes that a value refers to. It does not count the
// value itself.
func (s *sizer) of(v reflect.Value) int {
	size := 0
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || v.Type() == reflect.TypeFor[*chain.Chain]() || s.seen[v.Pointer()] {
			return 0
		}
		s.seen[v.Pointer()] = true
		return int(v.Type().Elem().Size()) + s.of(v.Elem())
	case reflect.Interface:
		if v.IsNil() {
			return 0
		}
		return int(v.Elem().Type().Size()) + s.of(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			size += s.of(v.Field(i))
		}
	case reflect.Array:
		if flat(v.Type().Elem()) {
			return 0
		}
		for i := range v.Len() {
			size += s.of(v.Index(i))
		}
	case reflect.String:
		return v.Len()
	case reflect.Slice:
		if v.IsNil() || s.seen[v.Pointer()] {
			return 0
		}
		s.seen[v.Pointer()] = true
		size = v.Cap() * int(v.Type().Elem().Size())
		if flat(v.Type().Elem()) {
			return size
		}
		for i := range v.Len() {
			size += s.of(v.Index(i))
		}
	case reflect.Map:
		if v.IsNil() || s.seen[v.Pointer()] {
			return 0
		}
		s.seen[v.Pointer()] = true
		t := v.Type()
		size = v.Len() * int(t.Key().Size()+t.Elem().Size())
		if flat(t.Key()) && flat(t.Elem()) {
			return size
		}
		for it := v.MapRange(); it.Next(); {
			size += s.of(it.Key()) + s.of(it.Value())
		}
	}
	return size
}

// flat reports whether values of the type hold no references.
func flat(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return flat(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !flat(t.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return t.Kind() <= reflect.Complex128 || t.Kind() == reflect.UnsafePointer
}
