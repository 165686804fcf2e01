package chain

import "testing"

func TestSmoke(t *testing.T) {
	p := tutorial(t, 0)
	c, err := Open(Config{Params: p, Store: NewMemStore()})
	if err != nil {
		t.Fatal(err)
	}
	tx, _ := NewTx([]byte(`{"author":"a","content":"c"}`), testTime)
	t.Log(c.AddTx(tx))
	tmpl, err := c.Template(TemplateOptions{Tag: "x"})
	if err != nil {
		t.Fatal(err)
	}
	j := tmpl.Job(7, 0)
	b := tmpl.Block(j.Header, 7)
	t.Log(c.Accept(b))
	t.Log(c.Accept(b))
	t.Log(c.Tip(), c.Pending(0, 10))
	t.Log(c.Proof(tx.ID()))
}
