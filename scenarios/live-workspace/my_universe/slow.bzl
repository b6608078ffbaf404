"""Actions that take a while and need no compiler."""

def slow(name, srcs = [], parts = 4, visibility = None):
    """A group of files, each made by an action of its own that sleeps.

    Args:
      name: the group's name.
      srcs: what each action depends on.
      parts: how many actions.
      visibility: who may depend on the group.
    """
    for part in range(parts):
        native.genrule(
            name = "%s_%d" % (name, part),
            srcs = srcs,
            outs = ["%s_%d.txt" % (name, part)],
            cmd = "sleep $(SECONDS) && { echo %s %d; cat $(SRCS); } >$@" % (name, part),
        )
    native.filegroup(
        name = name,
        srcs = ["%s_%d.txt" % (name, part) for part in range(parts)],
        visibility = visibility,
    )
