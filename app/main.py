from tpapp.shell import serve

serve()
