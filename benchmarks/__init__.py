"""How fast batch_ops is, each work measured beside the fastest way to do it by hand."""
