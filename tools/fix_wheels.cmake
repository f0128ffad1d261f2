# What a build inside a virtual environment needs. Used as -DCMAKE_PROJECT_INCLUDE=<this file>;
# acts once the project's targets are known.

# ROS wheels from PyPI export the include folders of the machine they were built on, and CMake
# refuses targets whose include folders do not exist: drop those.
function(drop_missing_include_folders)
  get_directory_property(targets IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(NOT folders)
      continue()
    endif()
    set(present "")
    foreach(folder IN LISTS folders)
      if(NOT folder MATCHES "^/opt/python/" OR EXISTS "${folder}")
        list(APPEND present "${folder}")
      endif()
    endforeach()
    set_property(TARGET ${target} PROPERTY INTERFACE_INCLUDE_DIRECTORIES "${present}")
  endforeach()
endfunction()

# The Python type support exports NumPy's include folder. CMake refuses to export a folder inside
# the source tree, where .venv is: keep it for this build only.
function(keep_source_folders_private)
  get_directory_property(targets BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(NOT folders)
      continue()
    endif()
    set(private "")
    foreach(folder IN LISTS folders)
      string(FIND "${folder}" "${CMAKE_SOURCE_DIR}/" position)
      if(position EQUAL 0)
        set(folder "$<BUILD_INTERFACE:${folder}>")
      endif()
      list(APPEND private "${folder}")
    endforeach()
    set_property(TARGET ${target} PROPERTY INTERFACE_INCLUDE_DIRECTORIES "${private}")
  endforeach()
endfunction()

cmake_language(DEFER CALL drop_missing_include_folders)
cmake_language(DEFER CALL keep_source_folders_private)
