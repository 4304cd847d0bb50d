"""Files for servers over folders of versions."""
